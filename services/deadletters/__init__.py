"""Dead letters as a person deals with them: what could not be read, and sending it once more.

Consumes: the dead letters.
Produces: the untouched bytes again, on the topic and partition they came from.
Owns: a row of operations for every letter it sent.
"""
