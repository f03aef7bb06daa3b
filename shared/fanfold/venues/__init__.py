"""Venues: where bars come from and orders go. The one place that knows ccxt."""
