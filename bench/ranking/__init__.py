"""From records to numbers: which count, what may be compared, scores and ranks."""
