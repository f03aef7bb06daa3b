"""Venues: the sources of bars and the destinations of orders. The one place that knows ccxt."""
