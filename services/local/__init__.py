"""Everything on this machine: keys, prepared topics and tables, and the services as processes.

Consumes nothing, produces nothing, owns nothing but the processes it starts.
"""
