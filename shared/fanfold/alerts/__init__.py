"""Alerts: which channels are told of a thing, when, and how often."""
