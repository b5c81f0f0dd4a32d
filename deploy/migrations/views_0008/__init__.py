"""The views of revision 0008: breakage runs, also those that were read back from the log."""
