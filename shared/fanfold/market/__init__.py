"""Bars: their types, their sources and their quality checks."""
