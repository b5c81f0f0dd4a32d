"""The views of revision 0010: who did what, with who approved it and for which case."""
