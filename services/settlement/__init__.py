"""Settlement says which location owes which, and has the bank pay it.

Consumes: redemption's facts, and its own operations in PostgreSQL.
Produces: ``scrip.settlement.items`` and ``scrip.settlement.batches``.
Owns: items, positions, runs, NACHA files and returns; the PostgreSQL schema ``settlement``.
"""
