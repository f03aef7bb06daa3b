"""Check the desk file."""
