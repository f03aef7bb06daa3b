"""The contract of a strategy, its indicators and its window of bars."""
