"""List messages that could not be handled, or send them back."""
