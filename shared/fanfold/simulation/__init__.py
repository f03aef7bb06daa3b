"""Pretence with a seed: markets, books, faults."""
