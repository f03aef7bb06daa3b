"""The bias lab: whether the result of a strategy can be trusted, and what to change where it cannot."""
