"""What the books should say, worked out anew beside the live ones, and adjusting what differs.

Consumes: the topics of facts, by assignment: no group and no offset of a worker is touched.
Produces: adjusting facts of the ledger, by its outbox; no reply, no notification, no file.
Owns: the schema `replay` (scratch, may be dropped), and a row of operations for every plan.
"""
