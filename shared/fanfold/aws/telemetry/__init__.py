"""Logs, metrics and traces of one invocation."""
