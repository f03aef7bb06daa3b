"""A simulated exchange: Binance's spot API on loopback, for tests and for anybody's bot. Never in an image."""
