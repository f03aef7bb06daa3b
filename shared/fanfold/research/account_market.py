"""The history of an account on the times of its polls: bars, and what its strategies want of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk, StrategyInstance
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research.account_book import HIGH, LOW, BarPlace, PollTable, Rate, RulePlace, Term, Wanted
from fanfold.research.account_terms import FIGURE_MAX, AccountTerms
from fanfold.research.columns import Floats, IntegerBars, Integers, integer_bars, on_common_times, picked, resampled
from fanfold.research.folding import WEIGHT, fold
from fanfold.research.sorted_times import newest_rows, rows_of, span_of, union_of
from fanfold.risk.exposure import mark
from fanfold.risk.protection import MILLION
from fanfold.signals.legs import protection_of
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy

# Rows of a table that are laid at once: as many as the processor keeps at hand.
PART = 8_192


class History(NamedTuple):
    """Recorded bars of a venue by instrument, and the first and the last close to trade, in epoch seconds."""

    recordings: Mapping[str, Recording]
    start: int
    until: int


class AccountTargets(NamedTuple):
    """The targets of strategies at each time, and, by instance, why a step did not run compiled."""

    wanted: Wanted
    plain: dict[str, str]


def times_of(history: History) -> Integers:
    """Return the times of all polls: those at which any instrument of the venue has a bar."""
    return union_of([_traded(history, name).time for name in history.recordings])


def _traded(history: History, name: str) -> IntegerBars:
    return integer_bars(history.recordings[name], history.start - 1, history.until)


def market_of(desk: Desk, venue: str, history: History, account: AccountTerms, times: Integers) -> PollTable:
    """Return the bars of an account's instruments at all times, at the scales of its terms."""
    table = np.zeros((times.size, len(account.instruments), len(BarPlace)), np.int64)
    variance = np.zeros((times.size if account.terms.volatility.any() else 0, len(account.instruments)))
    span = np.zeros((times.size if account.terms.account[Term.RESTS] else 0, len(account.instruments), 2), np.int64)
    reach = _lookbacks(desk, venue)
    for column, name in enumerate(account.instruments):
        known = _series(history, history.recordings[name].timeframe, name, reach)
        bars = _traded(history, name)
        unit = 10 ** (account.scales.prices[column] - bars.price_scale)
        rows, newest = rows_of(bars.time, times), newest_rows(times, known.time)
        if span.size:
            span[rows, column, HIGH], span[rows, column, LOW] = bars.high * unit, bars.low * unit
        for first in range(0, times.size, PART):
            begin, end = np.searchsorted(rows, (first, first + PART))
            part = table[first : first + PART, column]
            _lay_bars(part, span_of(rows[begin:end] - first), picked(bars, slice(begin, end)), unit)
            _lay_closes(part, newest[first : first + PART], known, unit)
        if variance.size:
            folded = _variances(history.recordings[name], known, int(account.terms.account[Term.LENGTH_S]))
            there = newest >= 0
            variance[there, column] = folded[newest[there]]
    return PollTable(times, table, variance, span)


def _lay_bars(part: Integers, rows: Integers | slice, bars: IntegerBars, unit: int) -> None:
    """Lay bars at rows of a part of an instrument's table."""
    part[rows, BarPlace.SEEN] = 1
    part[rows, BarPlace.OPEN], part[rows, BarPlace.VOLUME] = bars.open * unit, bars.volume


def _lay_closes(part: Integers, newest: Integers, known: IntegerBars, unit: int) -> None:
    """Lay the close of the last bar by each time, of ``known`` bars by their rows."""
    there = int(np.searchsorted(newest, 0))
    rows = span_of(newest[there:])
    part[there:, BarPlace.CLOSE], part[there:, BarPlace.CLOSED_AT] = known.close[rows] * unit, known.time[rows]


def refuse_wide_figures(history: History, account: AccountTerms) -> None:
    """Raise BadInput for prices or volumes whose products fit into no 64 bits."""
    rates = int(account.terms.rate[[Rate.WORSE, Rate.COLLAR]].sum(axis=1).max())
    for column, name in enumerate(account.instruments):
        bars, room = _traded(history, name), int(account.terms.rule[column, RulePlace.ROOM_OF])
        unit = 10 ** (account.scales.prices[column] - bars.price_scale)
        price, volume = (int(figures.max(initial=0)) for figures in (bars.high, bars.volume))
        if price * unit * rates >= FIGURE_MAX or volume * room >= FIGURE_MAX:
            raise BadInput(
                f"the bars of {name} have figures that a fast back-test cannot hold in 64 bits; take --fidelity full"
            )


def _variances(recording: Recording, bars: IntegerBars, length_s: int) -> Floats:
    """Return the variance of returns after each bar, as risk folds it from its marks."""
    variances, newest = np.zeros(bars.time.size), None
    for row, (close, at) in enumerate(zip(bars.close.tolist(), bars.time.tolist(), strict=True)):
        newest = mark(newest, at, recording.price(close), length_s)
        variances[row] = newest.variance
    return variances


def signals_of(desk: Desk, venue: str, account: AccountTerms, history: History, times: Integers) -> AccountTargets:
    """Fold the instances of an account, from the bars that a run would ask for at its start."""
    weights = np.full((times.size, len(account.keys)), np.nan)
    fixed, own = np.zeros((3, len(account.keys))), dict[int, tuple[Integers | slice, Floats]]()
    reach, plain = _lookbacks(desk, venue), dict[str, str]()
    age_s_max = int(account.terms.account[Term.SIGNAL_AGE_S])
    for name in account.instances:
        instance = desk.strategies[name]
        strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
        series = {symbol: _series(history, instance.timeframe, symbol, reach) for symbol in instance.instruments}
        for me, symbols in _groups(strategy, instance):
            column = account.keys.index((name, instance.instruments[me]))
            members = on_common_times([series[symbol] for symbol in symbols])
            folded = fold(strategy, members, me if strategy.cross_sectional else 0)
            plain |= {name: folded.why_plain} if folded.why_plain else {}
            rows, bars = map(span_of, _spoken(members[0].time, symbols, history, times, age_s_max))
            weights[rows, column] = folded.wanted[WEIGHT, bars]
            fixed[:, column] = protection_of(instance)[1:]
            if folded.wanted[1:].any():
                own[column] = rows, folded.wanted[1:, bars]
    return AccountTargets(Wanted(weights, np.zeros((0, 3), np.int64), *_table(_shares(fixed, own, times.size))), plain)


def _shares(fixed: Floats, own: Mapping[int, tuple[Integers | slice, Floats]], count: int) -> Floats:
    """Return stop, profit and trail by time and leg: of the step, else of the instance; one time where none differ."""
    if not own:
        return fixed[:, np.newaxis]
    shares = np.repeat(fixed[:, np.newaxis], count, axis=1)
    for column, (rows, stepped) in own.items():
        shares[:, rows, column] = np.where(stepped.any(axis=0), stepped, shares[:, rows, column])
    return shares


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Return by timeframe how many bars a venue's strategies read back: so far a run asks for all bars at its start."""
    reach = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue and instance.strategy != contract.EXTERNAL:
            strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
            reach[instance.timeframe] = max(reach.get(instance.timeframe, 0), strategy.lookback)
    return reach


def _series(history: History, timeframe: str, symbol: str, reach: Mapping[str, int]) -> IntegerBars:
    """Return the bars of a series from those on that a run would ask for."""
    recording, length = history.recordings[symbol], timeframes.seconds(timeframe)
    since = history.start - history.start % length - (reach[timeframe] + 1) * length
    bars = integer_bars(recording, since, history.until)
    return bars if timeframe == recording.timeframe else resampled(bars, timeframe, history.until)


def _groups(strategy: Strategy, instance: StrategyInstance) -> Iterator[tuple[int, list[str]]]:
    """Yield each member of an instance with the instruments that its step sees: its own, or all."""
    for me, symbol in enumerate(instance.instruments):
        yield me, instance.instruments if strategy.cross_sectional else [symbol]


def _spoken(
    ends: Integers, symbols: Sequence[str], history: History, times: Integers, age_s_max: int
) -> tuple[Integers, Integers]:
    """Return the numbers of the times at which a leg speaks, and of its bars then.

    It does when a poll brings its bar: at the close of a longer bar each of its instruments must have a finer one. The
    first poll brings the newest longer bar that closed before it, which counts while its signal is not too old.
    """
    rows = rows_of(ends, times)
    for symbol in symbols:
        rows[rows_of(ends, _traded(history, symbol).time) < 0] = -1
    bars = np.flatnonzero(rows >= 0)
    rows = rows[bars]
    before = int(np.searchsorted(ends, times[0], side="right")) - 1
    if before >= 0 and ends[before] < times[0] <= ends[before] + age_s_max:
        return np.append(0, rows), np.append(before, bars)
    return rows, bars


def _table(shares: Floats) -> tuple[Integers, Integers]:
    """Return the row of each protection, -1 for none, and the table of rows."""
    # As ``risk.protection.share_of`` rounds them.
    millionths = np.where(shares == 0.0, 0, np.maximum(np.rint(shares * MILLION), 1)).astype(np.int64)
    distinct, rows = np.unique(millionths.reshape(3, -1).T, axis=0, return_inverse=True)
    table = np.full((len(distinct), 6), MILLION)
    table[:, ::2] = distinct
    places = np.where(distinct.any(axis=1), np.arange(len(distinct)), -1)[rows].reshape(shares.shape[1:])
    return places.astype(np.int64), table
