"""Searching a strategy's hyper-parameters: trials are ordinary runs, records are the truth."""
