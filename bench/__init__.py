"""The referee: equal budgets, records of what happened, leaderboards. Start at `bench/run.py`."""
