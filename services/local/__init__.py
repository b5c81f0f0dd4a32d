"""Everything on this machine: keys, prepared topics and tables, and the services as processes.

Consumes: addresses of a broker and a database, a policy, a folder.
Produces: topics, tables, keys, and running services; news of those that ended.
Owns: the processes it starts, and nothing that outlives them but the folder.
"""
