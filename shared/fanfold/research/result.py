"""The result of a back-test: what was traded and closed, the equity, and what it was made of."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from fanfold.performance.measuring import TripStatistics
from fanfold.performance.ratios import Drawdown
from fanfold.research.columns import Integers

Fidelity = Literal["fast", "full"]


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes of what a result was made of, from which it comes again to the byte.

    ``data`` is of the bars, ``code`` of the strategies' code by instance, ``desk`` of the desk as it traded. Orders
    were ``latency_s`` on their way.
    """

    data: str
    code: dict[str, str]
    desk: str
    version: str
    latency_s: int = 0


class AccountMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of an account; docs/research.md defines each. None where there is too little to say it.

    Shares are fractions, not percents; amounts are in the account's currency.
    """

    start: Decimal
    equity: Decimal
    total_return: Decimal
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown | None
    drawdown_longest_s: int
    trips: TripStatistics
    fees: Decimal
    slippage: Decimal
    turnover: Decimal
    invested: float
    gross_exposure: float
    buy_and_hold: Decimal | None
    fills: int
    days: int


class AccountResult:
    """An account after a back-test.

    Tables are of Arrow, amounts in them decimals. ``fills``: at, instance, instrument, quantity (below zero for a
    sale), price, fee, slippage. ``trips``: at, instance, instrument, opened_at, quantity, cost, fees, profit.
    ``refusals``: at, instance, instrument, code. ``equity``: at, equity, gross. Times are UTC.
    At full fidelity fills have order_id and trade_id, refusals order_id and detail, and ``orders`` is a table: at,
    order_id, client_order_id, instance, instrument, side, kind, quantity, limit_price, state, filled, reason.
    """

    def __init__(
        self,
        account: str,
        currency: str,
        metrics: AccountMetrics,
        tables: Mapping[str, pa.Table],
    ) -> None:
        self.account = account
        self.currency = currency
        self.metrics = metrics
        self.fills, self.trips = tables["fills"], tables["trips"]
        self.refusals, self.equity = tables["refusals"], tables["equity"]
        self.orders: pa.Table | None = None


class BacktestResult:
    """A back-test: its accounts by name, its span in epoch seconds, and what it was made of.

    ``plain`` says, by strategy instance, why its step did not run compiled; ``notes`` how the desk was adapted.
    """

    def __init__(
        self,
        fidelity: Fidelity,
        span: tuple[int, int],
        accounts: Mapping[str, AccountResult],
        provenance: Provenance,
        plain: Mapping[str, str],
        notes: list[str],
    ) -> None:
        self.fidelity = fidelity
        self.start, self.until = span
        self.accounts = dict(accounts)
        self.provenance = provenance
        self.plain = dict(plain)
        self.notes = notes

    @property
    def account(self) -> AccountResult:
        """Return the account, where there is one; the first by name, where there are several."""
        return self.accounts[min(self.accounts)]


def decimals_of(figures: Integers, scale: int) -> pa.Array:
    """Return integers of a scale as exact Arrow decimals, without a Python object a figure."""
    halves = np.empty((figures.size, 2), np.int64)
    # The upper half of 128 bits repeats the sign.
    halves[:, 0], halves[:, 1] = figures, figures >> 63
    return pa.Array.from_buffers(pa.decimal128(38, scale), figures.size, [None, pa.py_buffer(halves)])


def names_of(places: Integers, names: list[str]) -> pa.Array:
    """Return names by their places, as a dictionary, which takes four bytes a row."""
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(names, pa.string()))


def times_of_seconds(seconds: Integers) -> pa.Array:
    return pa.array(seconds, pa.timestamp("s", tz="UTC"))


def document(result: BacktestResult) -> dict[str, Any]:
    """Return the result for programs: all but its tables; of those at full fidelity orders and refusals."""
    return {
        "fidelity": result.fidelity,
        "start": result.start,
        "until": result.until,
        "accounts": {
            name: {"currency": account.currency, "metrics": account.metrics, **_records(account)}
            for name, account in result.accounts.items()
        },
        "provenance": result.provenance,
        "plain": result.plain,
        "notes": result.notes,
    }


def _records(account: AccountResult) -> dict[str, Any]:
    if account.orders is None:
        return {}
    return {"orders": account.orders.to_pylist(), "refusals": account.refusals.to_pylist()}
