"""Audit: every message once, in hash-chained logs, the lake and the views."""
