"""Alerts: what a person should know, which channels are told of it and when."""
