"""The audit chain: recording, verifying and querying it."""
