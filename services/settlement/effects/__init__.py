"""What items and the facts of runs do to settlement's rows, now or when read back from the log."""
