"""Bars: what they are, where they come from, and whether they can be trusted."""
