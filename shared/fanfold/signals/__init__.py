"""Runs the strategies of a desk over its bars: what the signal service does, and a backtest too."""
