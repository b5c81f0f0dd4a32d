"""Revisions in order: operations, ledger, settlement, bi. Written once, never edited after use."""
