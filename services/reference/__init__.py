"""What outside programs look up: refusals and rights as pages, written from code and stories.

Consumes: the list of refusals, the tables of rights, the stories that show them.
Produces: docs/reference/refusals.md and rights.md; a test says when they are stale.
Owns: nothing.
"""
