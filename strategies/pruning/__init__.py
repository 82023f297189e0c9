"""Masks, what is pruned, what is frozen, how many weights are in use."""
