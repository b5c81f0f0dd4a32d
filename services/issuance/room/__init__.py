"""Room: whether what a template promises can be made, though others have some of its numbers."""
