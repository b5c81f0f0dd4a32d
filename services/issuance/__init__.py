"""Issuance keeps stock: a card from its preparation until its sale hands it to redemption.

Consumes: ``scrip.issuance.commands`` (sales, shipping, imports, and ``restock`` from redemption).
Produces: ``scrip.issuance.events`` and ``.replies``, and one ``activate`` to redemption in the
transaction of the sale that causes it.
Owns: templates, batches, identifiers and their capacity; every card that is not live.
"""
