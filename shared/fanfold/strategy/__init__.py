"""What a strategy is: its contract, its indicators, its window of bars."""
