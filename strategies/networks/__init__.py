"""What a network is made of, and what is read from its layers."""
