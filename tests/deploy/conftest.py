"""Desks of this folder write down what their functions ask AWS for."""

from support.run_calls import recording_runs

__all__ = ["recording_runs"]
