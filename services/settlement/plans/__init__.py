"""A run as the pure modules see it, read from the rows it has claimed."""
