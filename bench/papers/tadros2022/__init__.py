"""Tadros et al. 2022: sleep against forgetting, beside published accuracies and controls."""
