"""An account's compiled scan, run and turned into a result."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.money import exact, ratio
from fanfold.research.account_book import (
    OVERFLOW,
    UNTOLD_LOTS,
    WORTH,
    BarPlace,
    Book,
    PollTable,
    RulePlace,
    Sized,
    Sum,
    Term,
    Wanted,
    blank_book,
)
from fanfold.research.account_market import History, market_of, signals_of, times_of
from fanfold.research.account_rules import CODES
from fanfold.research.account_scan import kept_scan
from fanfold.research.account_terms import FIGURE_MAX, AccountTerms, account_terms
from fanfold.research.columns import Integers
from fanfold.research.figures import TradedFigures, metrics_of
from fanfold.research.result import AccountResult, decimals_of, names_of, times_of_seconds
from fanfold.research.tape import FillField, TripField, fills_of, trips_of
from fanfold.risk import sizing
from fanfold.risk.exposure import Mark
from fanfold.risk.policy import DeskPolicy


class AccountRun(NamedTuple):
    """An account's result, and, by strategy instance, why a step did not run compiled."""

    result: AccountResult
    plain: dict[str, str]


def run_account(desk: Desk, name: str, policy: DeskPolicy, history: History, latency_s: int) -> AccountRun:
    """Trade an account over history, its orders ``latency_s`` on their way.

    Raises BadInput for what a compiled scan cannot do, with what can.
    """
    recordings = history.recordings.values()
    terms = account_terms(
        desk,
        name,
        policy.terms(name),
        {recording.instrument: recording.price_scale for recording in recordings},
        {recording.instrument: recording.volume_scale for recording in recordings},
        latency_s,
    )
    times = times_of(history)
    market = market_of(desk, desk.accounts[name].venue, history, terms, times)
    signals = signals_of(desk, desk.accounts[name].venue, terms, history, times)
    book = traded_book(terms, market, signals.wanted)
    traded = _traded(terms, market, book)
    result = AccountResult(name, desk.accounts[name].currency, metrics_of(traded), _tables(terms, market, book, traded))
    return AccountRun(result, signals.plain)


def traded_book(terms: AccountTerms, market: PollTable, wanted: Wanted) -> Book:
    """Run the scan; where it has to be told a quantity, go on with that."""
    guarded = bool((wanted.protection >= 0).any())
    # A product of money and a protection's share has to fit, too.
    most = min(terms.money_max, FIGURE_MAX / (4 * int(wanted.shares.max())) if guarded else terms.money_max)
    book, first, sizes = blank_book(market.time.size, terms.terms), 0, list[tuple[int, int, int]]()
    while True:
        wishes = wanted._replace(sizes=np.array(sizes, np.int64).reshape(-1, 3))
        end = kept_scan()(market, terms.terms, wishes, book, most, (first, bool(sizes)), guarded)
        if end.code == OVERFLOW:
            raise BadInput(
                f"at {int(market.time[end.at])} the account is worth more than 64 bits hold in units of "
                f"1e-{terms.scales.money}: give it less cash, or coarser lots or ticks"
            )
        if end.code != UNTOLD_LOTS:
            return book
        sizes = [row for row in sizes if row[0] == end.at]
        sizes.append((end.at, end.leg, _lots(terms, market, book, end.at, end.leg)))
        first = end.at


@exact
def _lots(terms: AccountTerms, market: PollTable, book: Book, at: int, leg: int) -> int:
    """Return the size of a leg's target in lots, by the decimals of ``risk.sizing``."""
    instance, instrument = (int(place) for place in terms.terms.leg[leg, [Sized.INSTANCE, Sized.INSTRUMENT]])
    price = Decimal(int(market.bars[at, instrument, BarPlace.CLOSE])).scaleb(-terms.scales.prices[instrument])
    variance = float(market.variance[at, instrument]) if market.variance.size else 0.0
    worth = Decimal(int(book.instance[WORTH, instance])).scaleb(-terms.scales.money)
    mark = Mark(price=price, closes_at_s=int(market.time[at]), variance=variance)
    quantity = sizing.desired(abs(float(book.weight[leg])), terms.sized[leg], worth, mark)
    return int(quantity / terms.scales.lots[instrument])


def _traded(terms: AccountTerms, market: PollTable, book: Book) -> TradedFigures:
    fills, trips = fills_of(book.tape), trips_of(book.tape)
    instrument = terms.terms.leg[fills[:, FillField.LEG], Sized.INSTRUMENT]
    worth = terms.terms.rule[instrument, RulePlace.WORTH]
    first = market.bars[fills[:, FillField.AT], instrument, BarPlace.OPEN]
    times = market.time[fills[:, FillField.AT]]
    return TradedFigures(
        scale=terms.scales.money,
        since=int(market.time[0]) - int(terms.terms.account[Term.LENGTH_S]),
        cash=int(terms.terms.account[Term.CASH]),
        closed=market.time,
        equity=book.curve[:, 0],
        gross=book.curve[:, 1],
        fills=fills,
        notional=np.abs(fills[:, FillField.LOTS]) * fills[:, FillField.PRICE] * worth,
        paid_over=fills[:, FillField.LOTS] * (fills[:, FillField.PRICE] - first) * worth,
        trips=trips,
        held_s=times[trips[:, TripField.CLOSED]] - times[trips[:, TripField.OPENED]],
        growth=[_growth(market, column) for column in range(len(terms.instruments))],
    )


def _growth(market: PollTable, column: int) -> Decimal:
    closes = market.bars[market.bars[:, column, BarPlace.SEEN] > 0, column, BarPlace.CLOSE]
    return ratio(Decimal(int(closes[-1])), Decimal(int(closes[0])))


def _tables(terms: AccountTerms, market: PollTable, book: Book, traded: TradedFigures) -> dict[str, pa.Table]:
    fills, trips, money = traded.fills, traded.trips, terms.scales.money
    closing = fills[trips[:, TripField.CLOSED]]
    opening = fills[trips[:, TripField.OPENED]]
    refused = book.refused[: book.sums[Sum.REFUSALS]]
    return {
        "fills": pa.table(
            {
                **_places(terms, market, fills[:, FillField.AT], fills[:, FillField.LEG]),
                "quantity": _quantities(terms, fills[:, FillField.LEG], fills[:, FillField.LOTS]),
                "price": _prices(terms, fills),
                "fee": decimals_of(fills[:, FillField.FEE], money),
                "slippage": decimals_of(traded.paid_over, money),
            }
        ),
        "trips": pa.table(
            {
                **_places(terms, market, closing[:, FillField.AT], closing[:, FillField.LEG]),
                "opened_at": times_of_seconds(market.time[opening[:, FillField.AT]]),
                "quantity": _quantities(terms, closing[:, FillField.LEG], trips[:, TripField.LOTS]),
                "cost": decimals_of(trips[:, TripField.COST], money),
                "fees": decimals_of(trips[:, TripField.FEES], money),
                "profit": decimals_of(trips[:, TripField.PROFIT], money),
            }
        ),
        "refusals": pa.table(
            {
                **_places(terms, market, refused[:, 0], refused[:, 1]),
                "code": names_of(refused[:, 2] - 1, list(map(str, CODES))),
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


def _places(terms: AccountTerms, market: PollTable, at: Integers, leg: Integers) -> dict[str, pa.Array]:
    return {
        "at": times_of_seconds(market.time[at]),
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
