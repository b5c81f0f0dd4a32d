"""What it takes to run Scrip somewhere: images, manifests, sample policy, embedded infrastructure.

Consumes: nothing of Scrip; the packages below import neither ``services`` nor ``schemas``.
Produces: a Kafka and a PostgreSQL to talk to.
Owns: which of environment, Docker and embedded is taken on this machine.
"""
