"""Execution: claims approved orders, sends them to their venue, books what comes back."""
