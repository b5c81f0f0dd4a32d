"""The root of what can go wrong in a way that is no refusal: a broken world, said by name."""


class ScripError(Exception):
    """Something that must be true is not. Each subclass says what happened and what to do."""
