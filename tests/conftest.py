"""One thread: two of them on busy cores wait for each other longer than they work."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
