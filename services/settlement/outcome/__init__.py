"""What the clock brings to files that the bank has: settlement, the second file, the close."""
