"""What happened: the record, its store, the machine and code that made it; no torch."""
