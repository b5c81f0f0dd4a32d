"""A Kafka and a PostgreSQL for a machine that has neither, or only Docker.

Consumes: SCRIP_KAFKA, SCRIP_POSTGRES, SCRIP_CACHE, SCRIP_KAFKA_IMAGE, SCRIP_POSTGRES_IMAGE.
Produces: a bootstrap address and a database URL, and handles to kill and restart what it started.
Owns: the processes, ports and throw-away folders it made; nothing of them outlives its owner.
"""
