"""Redemption keeps every live account and is the only writer of balances.

Consumes: ``scrip.redemption.commands`` (channels, ``activate`` from issuance, its own sweeps).
Produces: ``scrip.redemption.events``, ``.balances`` and ``.replies``, and ``restock`` to issuance
in the transaction of the return that causes it.
Owns: lots, holds, captures, refunds, expiry and freezing; the line by lot split of every use.
"""
