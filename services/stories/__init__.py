"""Stories run the whole pipeline on a clock of their own, from a YAML file of what happens.

Consumes: a story file (``docs/reference`` has its fields).
Produces: replies, accounts, journals, items, runs and files, as a table or as JSON.
Owns: the story clock and short names; no rule of the trade is decided here.
"""
