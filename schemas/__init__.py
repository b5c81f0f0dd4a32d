"""The wire: topics, messages, identifiers, money, refusals, policy and their published schemas."""
