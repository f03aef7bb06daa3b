"""The people who may command a desk, and by what names others know them."""
