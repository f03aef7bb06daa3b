"""The history of an account on the times of its polls: bars, and what its strategies want of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk, StrategyInstance
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import decimal_of
from fanfold.research.account_book import Bar, Market, Rate, Rule, Term, Wanted
from fanfold.research.account_terms import FIGURE_MAX, AccountTerms, share
from fanfold.research.columns import FIELDS, Floats, IntegerBars, Integers, integer_bars, resampled
from fanfold.research.folding import WEIGHT, fold
from fanfold.risk.exposure import Mark, mark
from fanfold.signals.legs import protection_of
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy

# Timeframe and instrument.
SeriesKey = tuple[str, str]


class History(NamedTuple):
    """Recorded bars of a venue by instrument, and the first and the last close to trade, in epoch seconds."""

    recordings: Mapping[str, Recording]
    start: int
    until: int


class Signals(NamedTuple):
    """What strategies want at each time, and, by instance, why a step did not run compiled."""

    wanted: Wanted
    plain: dict[str, str]


def times_of(history: History) -> Integers:
    """Return the times of all polls: those at which any instrument of the venue has a bar."""
    closes = [bars.time for bars in (_traded(history, name) for name in history.recordings)]
    times: Integers = np.unique(np.concatenate(closes))
    return times


def _traded(history: History, name: str) -> IntegerBars:
    return integer_bars(history.recordings[name], history.start - 1, history.until)


def market_of(history: History, account: AccountTerms, times: Integers) -> Market:
    """Return the bars of an account's instruments at all times, at the scales of its terms."""
    table = np.zeros((times.size, len(account.instruments), len(Bar)), np.int64)
    for column, name in enumerate(account.instruments):
        bars = _traded(history, name)
        unit = 10 ** (account.scales.prices[column] - bars.price_scale)
        _check(name, bars, unit, column, account)
        rows, mine = np.searchsorted(times, bars.time), table[:, column]
        mine[rows, Bar.SEEN] = 1
        mine[rows, Bar.OPEN], mine[rows, Bar.VOLUME] = bars.open * unit, bars.volume
        newest = np.searchsorted(bars.time, times, side="right") - 1
        known = newest >= 0
        mine[known, Bar.CLOSE] = bars.close[newest[known]] * unit
        mine[known, Bar.CLOSED_AT] = bars.time[newest[known]]
    variance = _variances(history, account, times) if account.terms.volatility.any() else np.zeros((0, 0))
    return Market(times, table, variance)


def _check(name: str, bars: IntegerBars, unit: int, column: int, account: AccountTerms) -> None:
    """Raise BadInput for prices or volumes whose products fit into no 64 bits."""
    rates = int(account.terms.rate[[Rate.WORSE, Rate.COLLAR]].sum(axis=1).max())
    room = int(account.terms.rule[column, Rule.ROOM_OF])
    price, volume = (int(figures.max(initial=0)) for figures in (bars.high, bars.volume))
    if price * unit * rates >= FIGURE_MAX or volume * room >= FIGURE_MAX:
        raise BadInput(f"the bars of {name} have figures that a fast back-test cannot hold in 64 bits; take full")


def _variances(history: History, account: AccountTerms, times: Integers) -> Floats:
    """Return the variance of each instrument's returns at each time, as risk folds it from its marks."""
    variances = np.zeros((times.size, len(account.instruments)))
    for column, name in enumerate(account.instruments):
        recording, newest = history.recordings[name], None
        bars = _traded(history, name)
        for row, close, at in zip(np.searchsorted(times, bars.time), bars.close, bars.time, strict=True):
            known: Mark = mark(newest, int(at), recording.price(int(close)), int(account.terms.account[Term.LENGTH_S]))
            variances[row:, column], newest = known.variance, known
    return variances


def signals_of(desk: Desk, venue: str, account: AccountTerms, history: History, times: Integers) -> Signals:
    """Fold the instances of an account, from the bars that a run would ask for at its start."""
    weights = np.full((times.size, len(account.keys)), np.nan)
    shares = np.zeros((3, *weights.shape))
    reach, plain = _lookbacks(desk, venue), dict[str, str]()
    for name in account.instances:
        instance = desk.strategies[name]
        strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
        series = {symbol: _series(history, instance.timeframe, symbol, reach) for symbol in instance.instruments}
        for me, symbols in _groups(strategy, instance):
            column = account.keys.index((name, instance.instruments[me]))
            members = _common([series[symbol] for symbol in symbols])
            folded = fold(strategy, members, me if strategy.cross_sectional else 0)
            plain |= {name: folded.why_plain} if folded.why_plain else {}
            rows, bars = _spoken(members[0].time, symbols, history, times)
            weights[rows, column] = folded.wanted[WEIGHT, bars]
            shares[:, :, column] = np.array(protection_of(instance)[1:])[:, None]
            asked = folded.wanted[1:, bars]
            shares[:, rows[asked.any(axis=0)], column] = asked[:, asked.any(axis=0)]
    return Signals(Wanted(weights, np.zeros((0, 4), np.int64), *_table(shares)), plain)


def _lookbacks(desk: Desk, venue: str) -> dict[SeriesKey, int]:
    """Return how many bars of each series a venue's strategies read back: so far a run asks for bars at its start."""
    reach: dict[SeriesKey, int] = {}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue and instance.strategy != contract.EXTERNAL:
            strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
            for symbol in instance.instruments:
                key = instance.timeframe, symbol
                reach[key] = max(reach.get(key, 0), strategy.lookback)
    return reach


def _series(history: History, timeframe: str, symbol: str, reach: Mapping[SeriesKey, int]) -> IntegerBars:
    """Return the bars of a series from those on that a run would ask for."""
    recording, length = history.recordings[symbol], timeframes.seconds(timeframe)
    first = -(-history.start // length) * length
    since = first - (reach[timeframe, symbol] + 1) * length
    bars = integer_bars(recording, since, history.until)
    return bars if timeframe == recording.timeframe else resampled(bars, timeframe, history.until)


def _groups(strategy: Strategy, instance: StrategyInstance) -> Iterator[tuple[int, list[str]]]:
    """Yield each member of an instance with the instruments that its step sees: its own, or all."""
    for me, symbol in enumerate(instance.instruments):
        yield me, instance.instruments if strategy.cross_sectional else [symbol]


def _common(members: Sequence[IntegerBars]) -> list[IntegerBars]:
    """Return the bars of the times that all members have in common."""
    if len(members) == 1:
        return list(members)
    common = members[0].time
    for bars in members[1:]:
        common = np.intersect1d(common, bars.time, assume_unique=True)
    rows = [np.searchsorted(bars.time, common) for bars in members]
    return [
        IntegerBars(*(column[row] for column in bars[:FIELDS]), bars.price_scale, bars.volume_scale)
        for bars, row in zip(members, rows, strict=True)
    ]


def _spoken(ends: Integers, symbols: Sequence[str], history: History, times: Integers) -> tuple[Integers, Integers]:
    """Return the numbers of the times at which a leg speaks, and of its bars then.

    It does when a poll brings its bar: at the close of a longer bar each of its instruments must have a finer one.
    """
    spoken = np.isin(ends, times)
    for symbol in symbols:
        spoken &= np.isin(ends, _traded(history, symbol).time)
    return np.searchsorted(times, ends[spoken]), np.flatnonzero(spoken)


def _table(shares: Floats) -> tuple[Integers, Integers]:
    """Return the row of each protection, -1 for none, and the table of rows; one row of times where none differ."""
    varies = (shares != shares[:, :1]).any()
    shown = shares if varies else shares[:, :1]
    distinct, rows = np.unique(shown.reshape(3, -1).T, axis=0, return_inverse=True)
    table = [[figure for part in row for figure in share(decimal_of(part))] for row in distinct.tolist()]
    places = np.where(distinct.any(axis=1), np.arange(len(distinct)), -1)[rows].reshape(shown.shape[1:])
    return places.astype(np.int64), np.array(table, np.int64)
