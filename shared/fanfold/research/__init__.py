"""Learns: backtests, sweeps and reports; numba and DuckDB live here."""
