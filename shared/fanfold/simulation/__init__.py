"""Seeded simulation: markets, books, an AWS in memory."""
