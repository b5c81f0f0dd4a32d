"""From an approved run to a file that the bank has."""
