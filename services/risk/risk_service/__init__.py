"""Risk: turns targets into orders, checks them, reserves funds and publishes them."""
