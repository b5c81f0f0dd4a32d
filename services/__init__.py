"""The workers and the command line, one package per service and one grammar for all of them.

``__main__`` starts a service, ``worker`` connects it to the log, and modules named for nouns of
the trade decide. Services import ``services.runtime`` and ``schemas``, never one another.
"""
