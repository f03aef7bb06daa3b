"""Fanfold, a crypto trading desk: messages fan out, strategies fold."""

__version__ = "0.1.0"
