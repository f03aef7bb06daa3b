"""Generators of the documents in docs/."""
