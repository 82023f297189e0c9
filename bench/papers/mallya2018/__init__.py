"""Mallya & Lazebnik 2018: PackNet forgets nothing, here beside the library's own."""
