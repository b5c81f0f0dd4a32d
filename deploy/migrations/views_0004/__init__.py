"""The views of revision 0004: dimensions, facts and marts of the schema `bi`."""
