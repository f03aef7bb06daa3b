"""The result of an account from what it traded: rows of fills, round trips and refusals, and its equity.

The compiled scan writes them, and full fidelity turns the messages of the services into them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fanfold.desk import Desk
from fanfold.money import decimals, ratio
from fanfold.research.account_book import AccountTerm, BarField, LegTerm, PollTable, RuleField
from fanfold.research.account_terms import AccountTerms
from fanfold.research.columns import Flags, Integers
from fanfold.research.figures import TradedFigures, metrics_of, traded_figures
from fanfold.research.result import AccountResult, decimals_of, names_of, times_of_seconds
from fanfold.research.tape import FillField, TripField


class RefusedRows(NamedTuple):
    """Refusals in order: their times in epoch seconds, legs, and codes as places in ``names``."""

    at: Integers
    leg: Integers
    code: Integers
    names: Sequence[str]


class TradedRows(NamedTuple):
    """The trading of an account: rows of FillField and of TripField, refusals, and by time equity and gross worth."""

    fills: Integers
    trips: Integers
    refused: RefusedRows
    curve: Integers


class LegNames(NamedTuple):
    """The names of instances and instruments, the place of each by leg; by instrument its lot and its price scale."""

    instances: list[str]
    instance: Integers
    instruments: list[str]
    instrument: Integers
    lots: Sequence[Decimal]
    price_scales: Sequence[int]


def result_of(desk: Desk, name: str, terms: AccountTerms, market: PollTable, rows: TradedRows) -> AccountResult:
    """Return the metrics and tables of an account."""
    traded, leg = account_figures(terms, market, rows), terms.terms.leg
    legs = LegNames(
        terms.instances,
        leg[:, LegTerm.INSTANCE],
        terms.instruments,
        leg[:, LegTerm.INSTRUMENT],
        terms.scales.lots,
        terms.scales.prices,
    )
    return AccountResult(name, desk.accounts[name].currency, metrics_of(traded), tables_of(traded, legs, rows.refused))


def account_figures(terms: AccountTerms, market: PollTable, rows: TradedRows) -> TradedFigures:
    """Return what the metrics of an account are made of."""
    at, leg = rows.fills[:, FillField.AT], rows.fills[:, FillField.LEG]
    instrument = terms.terms.leg[leg, LegTerm.INSTRUMENT]
    return traded_figures(
        rows.fills,
        rows.trips,
        market.bars[BarField.OPEN, instrument, at],
        terms.terms.rule[instrument, RuleField.WORTH],
        closed=market.time,
        equity=rows.curve[:, 0],
        gross=rows.curve[:, 1],
        scale=terms.scales.money,
        since=int(market.time[0]) - int(terms.terms.account[AccountTerm.LENGTH_S]),
        cash=int(terms.terms.account[AccountTerm.CASH]),
        growth=[
            _growth(bars, seen)
            for bars, seen in zip(np.moveaxis(market.bars, 1, 0), market.seen, strict=True)
            if _is_seen(seen)
        ],
    )


def _is_seen(seen: Flags) -> bool:
    # Most often the first bar tells, and to look through all takes long.
    return bool(seen[0] or seen.any())


def _growth(bars: Integers, seen: Flags) -> Decimal:
    first = 0 if seen[0] else int(seen.argmax())
    last = seen.size - 1 - (0 if seen[-1] else int(seen[::-1].argmax()))
    return ratio(Decimal(int(bars[BarField.CLOSE, last])), Decimal(int(bars[BarField.CLOSE, first])))


def tables_of(traded: TradedFigures, legs: LegNames, refused: RefusedRows) -> dict[str, pa.Table]:
    """Return the tables of an AccountResult."""
    fills, trips, money = traded.fills, traded.trips, traded.scale
    times = traded.closed[fills[:, FillField.AT]]
    closing = trips[:, TripField.CLOSED]
    of_trip = fills[closing, FillField.LEG]
    return {
        "fills": pa.table(
            {
                **_places(legs, times, fills[:, FillField.LEG]),
                "quantity": _quantities(legs, fills[:, FillField.LEG], fills[:, FillField.LOTS]),
                "price": _prices(legs, fills),
                "fee": decimals_of(fills[:, FillField.FEE], money),
                "slippage": decimals_of(traded.paid_over, money),
            }
        ),
        "trips": pa.table(
            {
                **_places(legs, times[closing], of_trip),
                "opened_at": times_of_seconds(times[trips[:, TripField.OPENED]]),
                "quantity": _quantities(legs, of_trip, trips[:, TripField.LOTS]),
                "cost": decimals_of(trips[:, TripField.COST], money),
                "fees": decimals_of(trips[:, TripField.FEES], money),
                "profit": decimals_of(trips[:, TripField.PROFIT], money),
            }
        ),
        "refusals": pa.table(
            {**_places(legs, refused.at, refused.leg), "code": names_of(refused.code, list(refused.names))}
        ),
        "equity": pa.table(
            {
                "at": times_of_seconds(traded.closed),
                "equity": decimals_of(traded.equity, money),
                "gross": decimals_of(traded.gross, money),
            }
        ),
    }


def _places(legs: LegNames, at: Integers, leg: Integers) -> dict[str, pa.Array]:
    return {
        "at": times_of_seconds(at),
        "instance": names_of(legs.instance[leg], legs.instances),
        "instrument": names_of(legs.instrument[leg], legs.instruments),
    }


def _quantities(legs: LegNames, leg: Integers, lots: Integers) -> pa.Array:
    """Return lots as quantities of one scale, that of the smallest lot."""
    scale = decimals(*legs.lots)
    units = np.array([int(lot.scaleb(scale)) for lot in legs.lots])
    return decimals_of(lots * units[legs.instrument[leg]], scale)


def _prices(legs: LegNames, fills: Integers) -> pa.Array:
    """Return the prices of fills at one scale, the finest of their instruments."""
    scale = max(legs.price_scales)
    units = np.array([10 ** (scale - own) for own in legs.price_scales])
    return decimals_of(fills[:, FillField.PRICE] * units[legs.instrument[fills[:, FillField.LEG]]], scale)
