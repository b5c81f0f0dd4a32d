"""What is missing on this machine, and the command that mends it.

Consumes: the machine: Python, packages, jars, Docker, the addresses of the environment, disk.
Produces: findings and their text, for ``scrip doctor``.
Owns: nothing; it changes nothing.
"""
