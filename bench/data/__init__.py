"""Data sets, their cache, and the streams of experiences made of them."""
