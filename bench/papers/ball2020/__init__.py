"""Ball et al. 2020: how many prune-retrain rounds, and what freezing costs."""
