"""Fills on paper: one set of rules for the paper venue and for backtests; and a matching engine with its wallets."""
