"""Back-test orders or weights of your own: a column in, fills and equity out, by the costs of the paper venue.

For signals that anything made: no strategy, no limits, an account that never runs dry. An order at a close fills whole
at the next open that has volume.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fanfold.errors import BadInput
from fanfold.importers import joining
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import decimals, ratio
from fanfold.research.account_tables import LegNames, RefusedRows, tables_of
from fanfold.research.arguments import Files, Number, fee_of, files_of, positive, slippage_of
from fanfold.research.columns import Floats, IntegerBars, Integers, integer_bars
from fanfold.research.figures import metrics_of, traded_figures
from fanfold.research.fixed_size import FixedSize, money_scale, scan_terms
from fanfold.research.fixed_size_scan import ScanTerms
from fanfold.research.flag_words import WIDTH
from fanfold.research.order_scan import OrderColumn, cached_scan, cached_search
from fanfold.research.result import AccountResult
from fanfold.research.tape import LIMIT, OVERFLOW, FillField, ScanResult, blank_tape, fills_of, trips_of

ACCOUNT = "given"


class Costs(NamedTuple):
    """Cash, the instrument's steps, and what a fill costs, in basis points."""

    cash: Number = Decimal(100_000)
    tick: Number = Decimal("0.01")
    lot: Number = Decimal("0.00001")
    fee_bps: Number = Decimal(10)
    slippage_bps: Number = Decimal(2)
    currency: str = "USDT"

    def exact(self) -> "ExactCosts":
        """Return the costs as decimals. Raises BadInput for figures that cannot be meant."""
        return ExactCosts(
            positive("cash", self.cash),
            positive("tick", self.tick),
            positive("lot", self.lot),
            fee_of(self.fee_bps),
            slippage_of(self.slippage_bps),
            self.currency,
        )


class ExactCosts(NamedTuple):
    """Costs as decimals within their bounds; see Costs."""

    cash: Decimal
    tick: Decimal
    lot: Decimal
    fee_bps: Decimal
    slippage_bps: Decimal
    currency: str


DEFAULT_COSTS = Costs()


def backtest_orders(
    data: Recording | Files,
    orders: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    costs: Costs = DEFAULT_COSTS,
) -> AccountResult:
    """Trade a column with an entry for each bar of ``data``, files or a recording of one instrument.

    ``orders`` are signed quantities, 0 or NaN for none, in whole lots towards zero. ``weights`` are shares of equity to
    hold, below zero short; where one differs from that before, the position is brought to it, and NaN is as before.
    Raises BadInput for another length, for both or neither, and for figures that 64 bits do not hold.
    """
    exact = costs.exact()
    recording = data if isinstance(data, Recording) else _read(data)
    bars = _in_ticks(integer_bars(recording, 0, 2**62), exact.tick)
    if not bars.time.size:
        raise BadInput(f"there is no bar of {recording.instrument} to trade")
    order_rows = order_column(bars.time.size, orders, weights, exact.lot)
    return _account(recording, bars, traded(bars, order_rows, exact), exact)


def _read(data: Files) -> Recording:
    files = joining.read_all(files_of(data))
    if len(files) != 1:
        names = ", ".join(file.recording.instrument for file in files)
        raise BadInput(f"a column is of one instrument, and the files have {names}: trade each by itself")
    return files[0].recording


def _in_ticks(bars: IntegerBars, tick: Decimal) -> IntegerBars:
    """Return bars at a scale that has the decimals of a tick."""
    scale = max(bars.price_scale, decimals(tick))
    unit = 10 ** (scale - bars.price_scale)
    first, high, low, close = (prices * unit for prices in bars[1:5])
    volume = np.ascontiguousarray(bars.volume)
    return IntegerBars(bars.time, first, high, low, close, volume, scale, bars.volume_scale)


def order_column(count: int, orders: ArrayLike | None, weights: ArrayLike | None, lot: Decimal) -> OrderColumn:
    """Return the bars of a column at which something is wanted."""
    if (orders is None) == (weights is None):
        raise BadInput("give either orders or weights")
    # A column of pandas goes by its index there, and by its order here.
    index = getattr(orders if weights is None else weights, "index", None)
    if not getattr(index, "is_monotonic_increasing", True):
        raise BadInput("the column's index is not in order: sort the column by it, to be in the order of the bars")
    try:
        column = np.asarray(orders if weights is None else weights, np.float64)
    except (TypeError, ValueError) as wrong:
        raise BadInput(f"the column has what is no number: {wrong}") from wrong
    if column.shape != (count,):
        raise BadInput(f"there are {count:,} bars, and the column has the shape {column.shape}: one entry a bar")
    column = np.ascontiguousarray(column)
    if weights is not None:
        return _changes(column)
    rows = _entries(column, _rows_unlike(column, np.zeros(WIDTH)))
    exact = column[rows] / float(lot)
    # A float a hair below a whole number of lots is that number: 0.3 in lots of 0.1 is 3.
    whole = np.where(np.abs(exact - np.rint(exact)) <= 1e-9 * np.abs(exact), np.rint(exact), np.trunc(exact))
    if np.abs(whole).max(initial=0.0) >= LIMIT:
        raise BadInput(f"entry {rows[np.abs(whole).argmax()]} is more lots of {lot} than 64 bits hold")
    return OrderColumn(rows, whole.astype(np.int64), np.zeros(0))


def _entries(column: Floats, rows: Integers) -> Integers:
    """Return the rows of a column whose entry is a number. Raises BadInput for one that is infinite."""
    infinite = np.isinf(column[rows])
    if infinite.any():
        raise BadInput(f"entry {rows[infinite.argmax()]} is infinite; NaN is nothing")
    return rows[~np.isnan(column[rows])]


def _changes(weights: Floats) -> OrderColumn:
    # By their bits, what is no number does not differ either.
    bits = weights.view(np.int64)
    entries = _entries(weights, np.append(0, 1 + _rows_unlike(bits[1:], bits[:-1])))
    before = np.concatenate([[0.0], weights[entries][:-1]])
    rows = entries[weights[entries] != before]
    return OrderColumn(rows, np.zeros(0, np.int64), weights[rows])


def _rows_unlike(column: Any, others: Any) -> Integers:
    rows = np.empty(column.size, np.int64)
    return rows[: cached_search()(column, others, rows)].copy()


def traded(bars: IntegerBars, order_rows: OrderColumn, costs: ExactCosts) -> ScanResult:
    """Trade a column of orders over integer bars."""
    fixed = FixedSize(costs.cash, costs.lot, costs.tick, costs.lot, costs.fee_bps, costs.slippage_bps)
    scale = money_scale(bars, fixed)
    tape, equity = blank_tape(order_rows.rows.size + 1, 1), np.empty(bars.time.size, np.int64)
    end = cached_scan()(bars, order_rows, _integers(bars, fixed, scale), tape, equity)
    if end.code == OVERFLOW:
        raise BadInput(
            f"at bar {end.at} the position is worth more than 64 bits hold in units of 1e-{scale}: trade less, or in "
            "coarser lots"
        )
    return ScanResult(fills_of(tape), trips_of(tape), equity, scale)


def _integers(bars: IntegerBars, fixed: FixedSize, scale: int) -> ScanTerms:
    terms = scan_terms(bars, fixed, scale)
    # A notional times the denominator of a rate has to fit, too; the scan asks again at each price.
    if int(bars.close[0]) * terms.worth * max(terms.fee[1], terms.worse[1]) > LIMIT:
        raise BadInput(
            f"a lot of {fixed.lot} is worth more than 64 bits hold in units of 1e-{scale}: name a smaller lot, or "
            "rates with fewer decimals"
        )
    return terms


def _account(recording: Recording, bars: IntegerBars, result: ScanResult, costs: ExactCosts) -> AccountResult:
    fills, scale = result.fills, result.scale
    at, worth = fills[:, FillField.AT], int(costs.lot.scaleb(scale - bars.price_scale))
    flow = np.zeros(bars.time.size, np.int64)
    flow[at] = fills[:, FillField.LOTS]
    figures = traded_figures(
        fills,
        result.trips,
        bars.open[at],
        worth,
        closed=bars.time,
        equity=result.equity,
        gross=np.abs(np.cumsum(flow)) * bars.close * worth,
        scale=scale,
        since=int(bars.time[0]) - timeframes.seconds(recording.timeframe),
        cash=int(costs.cash.scaleb(scale)),
        growth=[ratio(Decimal(int(bars.close[-1])), Decimal(int(bars.close[0])))],
    )
    # One leg, none of whose orders is refused.
    leg, none = np.zeros(1, np.int64), np.zeros(0, np.int64)
    legs = LegNames([ACCOUNT], leg, [recording.instrument], leg, [costs.lot], [bars.price_scale])
    tables = tables_of(figures, legs, RefusedRows(none, none, none, []))
    return AccountResult(ACCOUNT, costs.currency, metrics_of(figures), tables)
