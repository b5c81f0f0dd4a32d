"""The views of revision 0006: what the two trades ask for: certificates, credit, settlement."""
