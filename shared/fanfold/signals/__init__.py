"""Run the strategies of a desk over its bars, for the signal service and for back-tests."""
