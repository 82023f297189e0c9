"""What a night does."""
