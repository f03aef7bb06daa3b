"""Orders, positions and accounts: what may change them, and how."""
