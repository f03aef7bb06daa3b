"""The performance of a run: round trips, equity, drawdown and ratios, from fills and closes."""
