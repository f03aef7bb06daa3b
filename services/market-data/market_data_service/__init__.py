"""Market-data: fetches closed bars, checks them, publishes them; serves bars that a reader misses."""
