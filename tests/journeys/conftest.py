"""Desks of this folder trade on copies of six stacks that were deployed once."""

from deployed_stacks import deployed

__all__ = ["deployed"]
