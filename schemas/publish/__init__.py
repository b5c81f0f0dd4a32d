"""Writes what outside programs build on: a JSON Schema per message, and one AsyncAPI document."""
