"""The contract of a strategy, and its window of bars."""
