"""Cards that came back to stock: a new secret for each, kept sealed until it is printed."""
