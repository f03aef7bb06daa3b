"""What a run earned and risked: round trips, equity, drawdown and ratios, from fills and closes."""
