"""Cards as the office deals with them: batches made and printed, ranges moved, imports and undone.

Consumes: orders and files of a person, the policy, issuance's replies.
Produces: commands to issuance, sheets and digital cards as files.
Owns: nothing; the directory is issuance's.
"""
