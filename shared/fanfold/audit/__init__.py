"""The audit chain: what is recorded, how it is verified, and what is asked of it."""
