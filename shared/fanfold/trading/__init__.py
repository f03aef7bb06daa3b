"""Real orders: the port to a venue that takes them, its answers, and the terms on which it does."""
