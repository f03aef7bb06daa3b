"""Verify the audit chain."""
