"""Networks that spike, and how weights learn from it."""
