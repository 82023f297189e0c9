"""The referee: equal budgets, records of what happened, leaderboards. Start at `runner/run.py`."""
