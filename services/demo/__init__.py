"""The demo runs a trading day through every worker on real Kafka and PostgreSQL, with a kill.

Consumes: the committed day of commands, as channels would publish them.
Produces: a report of what happened, checked against what was published.
Owns: nothing; it may be thrown away.
"""
