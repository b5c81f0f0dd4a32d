"""The ledger keeps the books: one set per legal entity and currency, posted in double entry.

Consumes: redemption's facts, settlement's items and batches, and ledger operations.
Produces: ``scrip.ledger.journals``, a function of one fact each, and ``scrip.ledger.operations``.
Owns: the posting rules, periods, breakage and escheat; the PostgreSQL schemas ``ledger``, ``bi``.
"""
