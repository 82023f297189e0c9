"""The machine: what would spoil a run here, how fast it is, where time goes."""
