"""One run under a budget; `run.py` is the page to read."""
