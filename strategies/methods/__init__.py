"""What a user picks: a strategy a file, with its entry and its explanation."""
