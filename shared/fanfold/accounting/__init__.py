"""Accounting: lots, disposals and portfolios, computed from fills alone."""
