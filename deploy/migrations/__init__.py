"""The database's schemas, made and changed by Alembic, one revision after another.

Self-contained on purpose: a revision says what it did the day it was written, so it imports no
table of today. A test holds the outcome to the tables that the services declare.
"""
