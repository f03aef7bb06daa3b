"""The result of an account from what it traded: rows of fills, round trips and refusals, and its equity.

The compiled scan writes them, and full fidelity turns the messages of the services into them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fanfold.desk import Desk
from fanfold.money import ratio
from fanfold.research.account_book import BarPlace, PollTable, RulePlace, Sized, Term
from fanfold.research.account_terms import AccountTerms
from fanfold.research.columns import Flags, Integers
from fanfold.research.figures import TradedFigures, metrics_of
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


def result_of(desk: Desk, name: str, terms: AccountTerms, market: PollTable, rows: TradedRows) -> AccountResult:
    """Return the metrics and tables of an account."""
    traded = _traded(terms, market, rows)
    return AccountResult(name, desk.accounts[name].currency, metrics_of(traded), _tables(terms, market, traded, rows))


def _traded(terms: AccountTerms, market: PollTable, rows: TradedRows) -> TradedFigures:
    fills, trips = rows.fills, rows.trips
    instrument = terms.terms.leg[fills[:, FillField.LEG], Sized.INSTRUMENT]
    worth = terms.terms.rule[instrument, RulePlace.WORTH]
    first = market.bars[BarPlace.OPEN, instrument, fills[:, FillField.AT]]
    times = market.time[fills[:, FillField.AT]]
    return TradedFigures(
        scale=terms.scales.money,
        since=int(market.time[0]) - int(terms.terms.account[Term.LENGTH_S]),
        cash=int(terms.terms.account[Term.CASH]),
        closed=market.time,
        equity=rows.curve[:, 0],
        gross=rows.curve[:, 1],
        fills=fills,
        notional=np.abs(fills[:, FillField.LOTS]) * fills[:, FillField.PRICE] * worth,
        paid_over=fills[:, FillField.LOTS] * (fills[:, FillField.PRICE] - first) * worth,
        trips=trips,
        held_s=times[trips[:, TripField.CLOSED]] - times[trips[:, TripField.OPENED]],
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
    return ratio(Decimal(int(bars[BarPlace.CLOSE, last])), Decimal(int(bars[BarPlace.CLOSE, first])))


def _tables(terms: AccountTerms, market: PollTable, traded: TradedFigures, rows: TradedRows) -> dict[str, pa.Table]:
    fills, trips, money = traded.fills, traded.trips, terms.scales.money
    closing = fills[trips[:, TripField.CLOSED]]
    opening = fills[trips[:, TripField.OPENED]]
    refused = rows.refused
    return {
        "fills": pa.table(
            {
                **_places(terms, market.time[fills[:, FillField.AT]], fills[:, FillField.LEG]),
                "quantity": _quantities(terms, fills[:, FillField.LEG], fills[:, FillField.LOTS]),
                "price": _prices(terms, fills),
                "fee": decimals_of(fills[:, FillField.FEE], money),
                "slippage": decimals_of(traded.paid_over, money),
            }
        ),
        "trips": pa.table(
            {
                **_places(terms, market.time[closing[:, FillField.AT]], closing[:, FillField.LEG]),
                "opened_at": times_of_seconds(market.time[opening[:, FillField.AT]]),
                "quantity": _quantities(terms, closing[:, FillField.LEG], trips[:, TripField.LOTS]),
                "cost": decimals_of(trips[:, TripField.COST], money),
                "fees": decimals_of(trips[:, TripField.FEES], money),
                "profit": decimals_of(trips[:, TripField.PROFIT], money),
            }
        ),
        "refusals": pa.table(
            {
                **_places(terms, refused.at, refused.leg),
                "code": names_of(refused.code, list(refused.names)),
            }
        ),
        "equity": pa.table(
            {
                "at": times_of_seconds(market.time),
                "equity": decimals_of(traded.equity, money),
                "gross": decimals_of(traded.gross, money),
            }
        ),
    }


def _places(terms: AccountTerms, at: Integers, leg: Integers) -> dict[str, pa.Array]:
    return {
        "at": times_of_seconds(at),
        "instance": names_of(terms.terms.leg[leg, Sized.INSTANCE], terms.instances),
        "instrument": names_of(terms.terms.leg[leg, Sized.INSTRUMENT], terms.instruments),
    }


def _quantities(terms: AccountTerms, leg: Integers, lots: Integers) -> pa.Array:
    """Return lots as quantities of one scale, that of the smallest lot."""
    scale = max(-int(lot.normalize().as_tuple().exponent) for lot in terms.scales.lots)
    units = np.array([int(lot.scaleb(max(scale, 0))) for lot in terms.scales.lots])
    return decimals_of(lots * units[terms.terms.leg[leg, Sized.INSTRUMENT]], max(scale, 0))


def _prices(terms: AccountTerms, fills: Integers) -> pa.Array:
    """Return the prices of fills at one scale, the finest of their instruments."""
    scale = max(terms.scales.prices)
    units = np.array([10 ** (scale - own) for own in terms.scales.prices])
    return decimals_of(
        fills[:, FillField.PRICE] * units[terms.terms.leg[fills[:, FillField.LEG], Sized.INSTRUMENT]], scale
    )
