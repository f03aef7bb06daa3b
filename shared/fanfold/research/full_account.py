"""The result of an account from the messages of the services: the rows that a compiled scan writes, and ids."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.messages import Fill, Order, OrderUpdate, Refusal
from fanfold.money import exact
from fanfold.performance.round_trips import RoundTrip, round_trips
from fanfold.research.account_book import BarField, LegTerm, PollTable, RuleField
from fanfold.research.account_market import History, market_of, times_of
from fanfold.research.account_tables import RefusedRows, TradedRows, result_of
from fanfold.research.account_terms import AccountTerms, account_terms
from fanfold.research.columns import Integers
from fanfold.research.result import AccountResult
from fanfold.research.tape import FillField, TripField
from fanfold.risk.exposure import PositionKey
from fanfold.risk.policy import AccountPolicy
from fanfold.simulation.full_run import FullRun

# Quantities and prices of orders, with as many decimals as the lake has.
FIGURE = pa.decimal128(38, 18)
TIME = pa.timestamp("s", tz="UTC")


class _Account(NamedTuple):
    """An account on the times of its venue's bars, with the place of each of its legs."""

    terms: AccountTerms
    market: PollTable
    places: dict[PositionKey, int]


def account_of(desk: Desk, name: str, policy: AccountPolicy, history: History, run: FullRun) -> AccountResult:
    """Return the result of an account of a run. Its fills and refusals have ids, and its orders are a table.

    Raises BadInput where a figure does not fit into 64 bits.
    """
    terms = account_terms(desk, name, policy, history.recordings)
    market = market_of(desk, desk.accounts[name].venue, history, terms, times_of(history))
    account = _Account(terms, market, {key: place for place, key in enumerate(terms.keys)})
    fills = [fill for fill in run.fills if fill.account == name]
    refusals = [refusal for refusal in run.refusals if refusal.order.account == name]
    equity = {point.closes_at_s: point.equity for point in run.equity[name]}
    result = result_of(desk, name, terms, market, _rows(account, fills, refusals, equity))
    result.fills = _with(result.fills, order_id=[fill.order_id for fill in fills],
                         trade_id=[fill.trade_id for fill in fills])  # fmt: skip
    result.refusals = _with(result.refusals, order_id=[refusal.order.order_id for refusal in refusals],
                            detail=[refusal.detail for refusal in refusals])  # fmt: skip
    result.orders = _orders([order for order in run.orders if order.account == name], run.updates)
    return result


@exact
def _rows(
    account: _Account, fills: Sequence[Fill], refusals: Sequence[Refusal], equity: Mapping[int, Decimal | None]
) -> TradedRows:
    rows = _fills(account, fills)
    # Before the first decision an account is worth its cash.
    cash = Decimal(int(account.terms.terms.account[0])).scaleb(-account.terms.scales.money)
    worth = _units([equity[at] or cash for at in account.market.time.tolist()], account.terms.scales.money)
    return TradedRows(
        fills=rows,
        trips=_trips(account, fills, round_trips(fills)),
        refused=_refused(account, refusals),
        curve=np.stack([worth, _gross(account, rows)], axis=1),
    )


def _fills(account: _Account, fills: Sequence[Fill]) -> Integers:
    """Return rows of FillField, without those of lots, which only the scan needs."""
    terms, rows = account.terms, np.zeros((len(fills), len(FillField)), np.int64)
    legs = _legs(account, fills)
    instruments = [account.terms.instruments.index(fill.instrument) for fill in fills]
    rows[:, FillField.AT] = np.searchsorted(account.market.time, _seconds(fill.at for fill in fills))
    rows[:, FillField.LEG] = legs
    rows[:, FillField.LOTS] = [
        int(fill.quantity / terms.scales.lots[place]) * (1 if fill.side == "buy" else -1)
        for fill, place in zip(fills, instruments, strict=True)
    ]
    rows[:, FillField.PRICE] = [
        int(fill.price.scaleb(terms.scales.prices[place])) for fill, place in zip(fills, instruments, strict=True)
    ]
    rows[:, FillField.FEE] = _units([fill.fee for fill in fills], terms.scales.money)
    return rows


def _trips(account: _Account, fills: Sequence[Fill], trips: Sequence[RoundTrip]) -> Integers:
    """Return rows of TripField; of fills of a leg at one time the last stands for all."""
    terms, rows = account.terms, np.zeros((len(trips), len(TripField)), np.int64)
    number = {(fill.instance, fill.instrument, fill.at): place for place, fill in enumerate(fills)}
    lots = [terms.scales.lots[terms.instruments.index(trip.instrument)] for trip in trips]
    rows[:, TripField.OPENED] = [number[trip.instance, trip.instrument, trip.opened_at] for trip in trips]
    rows[:, TripField.CLOSED] = [number[trip.instance, trip.instrument, trip.closed_at] for trip in trips]
    rows[:, TripField.LOTS] = [int(trip.quantity / lot) for trip, lot in zip(trips, lots, strict=True)]
    rows[:, TripField.COST] = _units([trip.cost for trip in trips], terms.scales.money)
    rows[:, TripField.FEES] = _units([trip.fees for trip in trips], terms.scales.money)
    rows[:, TripField.PROFIT] = _units([trip.profit for trip in trips], terms.scales.money)
    return rows


def _refused(account: _Account, refusals: Sequence[Refusal]) -> RefusedRows:
    names = sorted({str(refusal.code) for refusal in refusals})
    codes = np.array([names.index(str(refusal.code)) for refusal in refusals], np.int64)
    orders = [refusal.order for refusal in refusals]
    return RefusedRows(_seconds(order.decided_at for order in orders), _legs(account, orders), codes, names)


def _gross(account: _Account, fills: Integers) -> Integers:
    """Return the gross worth of positions at each time."""
    market, terms = account.market, account.terms.terms
    gross = np.zeros(market.time.size, np.int64)
    for leg, sized in enumerate(terms.leg):
        own, flow = fills[fills[:, FillField.LEG] == leg], np.zeros(market.time.size, np.int64)
        np.add.at(flow, own[:, FillField.AT], own[:, FillField.LOTS])
        instrument = sized[LegTerm.INSTRUMENT]
        unit = market.bars[BarField.CLOSE, instrument] * terms.rule[instrument, RuleField.WORTH]
        gross += np.abs(np.cumsum(flow)) * unit
    return gross


def _legs(account: _Account, of: Sequence[Fill] | Sequence[Order]) -> Integers:
    return np.array([account.places[entry.instance, entry.instrument] for entry in of], np.int64)


def _seconds(moments: Iterable[datetime]) -> Integers:
    return np.array([int(moment.timestamp()) for moment in moments], np.int64)


def _units(values: Sequence[Decimal], scale: int) -> Integers:
    try:
        return np.array([int(value.scaleb(scale)) for value in values], np.int64)
    except OverflowError as wrong:
        raise BadInput(
            f"the account is worth more than 64 bits hold in units of 1e-{scale}: give it less cash, or coarser lots "
            "or ticks"
        ) from wrong


def _with(table: pa.Table, **columns: Sequence[str]) -> pa.Table:
    for name, texts in columns.items():
        table = table.append_column(name, pa.array(texts, pa.string()))
    return table


def _orders(orders: Sequence[Order], updates: Iterable[OrderUpdate]) -> pa.Table:
    """Return a row an order, with its state at the end; one that was never sent is still APPROVED."""
    newest = {update.order_id: update for update in updates}
    ends = [newest.get(order.order_id) for order in orders]
    return pa.table(
        {
            "at": pa.array(_seconds(order.decided_at for order in orders), TIME),
            "order_id": [order.order_id for order in orders],
            "client_order_id": [order.client_order_id for order in orders],
            "instance": [order.instance for order in orders],
            "instrument": [order.instrument for order in orders],
            "side": [order.side for order in orders],
            "kind": [order.kind for order in orders],
            "quantity": pa.array([order.quantity for order in orders], FIGURE),
            "limit_price": pa.array([order.limit_price for order in orders], FIGURE),
            "state": [str(end.state) if end else "APPROVED" for end in ends],
            "filled": pa.array([end.filled if end else Decimal(0) for end in ends], FIGURE),
            "reason": [end.reason if end else "" for end in ends],
        }
    )
