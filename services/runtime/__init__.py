"""The runtime runs a pure core on Kafka without losing or repeating anything.

Consumes: the one input topic of whichever service it runs, and that service's rows.
Produces: facts, replies, rows, progress and dead letters, all in the batch's transaction; and,
outside it, what falls due.
Owns: the loop, assignment and restore, the store, seals, the outbox and the crash points.
"""
