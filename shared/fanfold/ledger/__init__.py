"""Orders, positions and accounts, and the rules by which they change."""
