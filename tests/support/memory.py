"""What a look through the memory of a process sees."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_of_earlier_tests() -> Iterator[None]:
    """Inside, `gc.get_objects` lists what came since, as in the process that a run begins with."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
