"""Checks every invariant at once: topics against one another, and PostgreSQL against the topics.

Consumes: every topic, and the tables of the ledger and of settlement; it joins no group.
Produces: a verdict per invariant; a break names the entity, the account and the event.
Owns: nothing; it changes nothing.
"""
