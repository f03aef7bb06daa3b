"""The history of an account on the times of its polls: bars, and what its strategies want of them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk, StrategyInstance
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research import dynamic_universe
from fanfold.research.account_alignment import CLOSE, TIME, KnownBars, align
from fanfold.research.account_book import AccountRate, AccountTerm, PollTable, RuleField, Wanted
from fanfold.research.account_terms import FIGURE_MAX, AccountTerms
from fanfold.research.columns import (
    Floats,
    IntegerBars,
    Integers,
    integer_bars,
    on_common_times,
    records_between,
    resampled,
)
from fanfold.research.folding import WEIGHT, fold
from fanfold.research.sorted_times import Rows, places_of, shared_rows, union_of
from fanfold.risk.exposure import mark
from fanfold.risk.protection import MILLION
from fanfold.signals.legs import protection_of
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy


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
    reach = _lookbacks(desk, venue)
    known = [
        _known(history, name, reach, 10 ** (scale - history.recordings[name].price_scale), account)
        for name, scale in zip(account.instruments, account.scales.prices, strict=True)
    ]
    return align(times, known, spans=bool(account.terms.account[AccountTerm.RESTS]))


def _known(
    history: History, name: str, reach: Mapping[str, int], unit: int, account: AccountTerms
) -> KnownBars:  # fmt: skip
    recording = history.recordings[name]
    records = records_between(recording, _asked_from(history, recording.timeframe, reach), history.until)
    variances = np.zeros(0)
    if account.terms.volatility.any():
        variances = _variances(recording, records, int(account.terms.account[AccountTerm.LENGTH_S]))
    return KnownBars(records, unit, variances)


def refuse_wide_figures(market: PollTable, history: History, account: AccountTerms) -> None:
    """Raise BadInput for prices or volumes whose products fit into no 64 bits."""
    rates, terms = account.terms.rate.sum(axis=1).tolist(), account.terms
    fees = (rates[AccountRate.FEE], rates[AccountRate.FEE_MAX]) if terms.account[AccountTerm.SPOT] else (1, 1)
    # On spot prices with collar and fee are fractions.
    factor = rates[AccountRate.COLLAR] * fees[1] if terms.account[AccountTerm.SPOT] else 1
    for column, name in enumerate(account.instruments):
        unit = 10 ** (account.scales.prices[column] - history.recordings[name].price_scale)
        price, volume = market.most[column].tolist()
        room, worth = terms.rule[column, [RuleField.ROOM_OF, RuleField.WORTH]].tolist()
        if max(price * unit * factor, worth * factor, price * unit * worth * fees[0], volume * room) >= FIGURE_MAX:
            raise BadInput(
                f"the bars of {name} have figures that a fast back-test cannot hold in 64 bits; take --fidelity full"
            )


def _variances(recording: Recording, records: Integers, length_s: int) -> Floats:
    """Return the variance of returns after each record, as risk folds it from its marks."""
    variances, newest = np.zeros(len(records)), None
    for row, (close, at) in enumerate(zip(records[:, CLOSE].tolist(), records[:, TIME].tolist(), strict=True)):
        newest = mark(newest, at, recording.price(close), length_s)
        variances[row] = newest.variance
    return variances


def signals_of(desk: Desk, venue: str, account: AccountTerms, history: History, times: Integers) -> AccountTargets:
    """Fold the instances of an account, from the bars that a run would ask for at its start."""
    weights = np.full((len(account.keys), times.size), np.nan)
    fixed, own = np.zeros((3, len(account.keys))), dict[int, tuple[Rows, Floats]]()
    reach, plain = _lookbacks(desk, venue), dict[str, str]()
    age_s_max = int(account.terms.account[AccountTerm.SIGNAL_AGE_S])
    for name in account.instances:
        instance = desk.strategies[name]
        strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
        series = {symbol: _series(history, instance.timeframe, symbol, reach) for symbol in instance.instruments}
        members = [series[symbol] for symbol in instance.instruments]
        left = dynamic_universe.targets_of(desk, venue, name, members, times) if strategy.cross_sectional else None
        if left is not None:
            plain[name] = dynamic_universe.WHY_PLAIN
            for symbol, spoken in left.items():
                column = account.keys.index((name, symbol))
                weights[column, spoken.rows], fixed[:, column] = spoken.wanted[WEIGHT], protection_of(instance)[1:]
                if spoken.wanted[1:].any():
                    own[column] = spoken.rows, spoken.wanted[1:]
            continue
        for me, symbols in _groups(strategy, instance):
            column = account.keys.index((name, instance.instruments[me]))
            members = on_common_times([series[symbol] for symbol in symbols])
            folded = fold(strategy, members, me if strategy.cross_sectional else 0)
            plain |= {name: folded.why_plain} if folded.why_plain else {}
            rows, bars = _spoken(members[0].time, times, age_s_max)
            weights[column, rows] = folded.wanted[WEIGHT, bars]
            fixed[:, column] = protection_of(instance)[1:]
            if folded.protected:
                own[column] = rows, folded.wanted[1:, bars]
    return AccountTargets(Wanted(weights, np.zeros((0, 3), np.int64), *_table(_shares(fixed, own, times.size))), plain)


def _shares(fixed: Floats, own: Mapping[int, tuple[Rows, Floats]], count: int) -> Floats:
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
    recording = history.recordings[symbol]
    bars = integer_bars(recording, _asked_from(history, timeframe, reach), history.until)
    return bars if timeframe == recording.timeframe else resampled(bars, timeframe, history.until)


def _asked_from(history: History, timeframe: str, reach: Mapping[str, int]) -> int:
    length = timeframes.seconds(timeframe)
    return history.start - history.start % length - (reach[timeframe] + 1) * length


def _groups(strategy: Strategy, instance: StrategyInstance) -> Iterator[tuple[int, list[str]]]:
    """Yield each member of an instance with the instruments that its step sees: its own, or all."""
    for me, symbol in enumerate(instance.instruments):
        yield me, instance.instruments if strategy.cross_sectional else [symbol]


def _spoken(ends: Integers, times: Integers, age_s_max: int) -> tuple[Rows, Rows]:
    """Return the numbers of the times at which a leg speaks, and of its bars then.

    It does when a poll brings its bar. The first poll brings the newest longer bar that closed before it, which counts
    while its signal is not too old.
    """
    rows, bars = shared_rows(ends, times)
    before = int(np.searchsorted(ends, times[0], side="right")) - 1
    if before >= 0 and ends[before] < times[0] <= ends[before] + age_s_max:
        return np.append(0, places_of(rows)), np.append(before, places_of(bars))
    return rows, bars


def _table(shares: Floats) -> tuple[Integers, Integers]:
    """Return the row of each protection, -1 for none, and the table of rows."""
    # As ``risk.protection.whole_share`` rounds them; with a profit of FIGURE_MAX any account is refused.
    millionths = np.where(shares == 0.0, 0, np.clip(np.rint(shares * MILLION), 1, FIGURE_MAX)).astype(np.int64)
    distinct, rows = np.unique(millionths.reshape(3, -1).T, axis=0, return_inverse=True)
    table = np.full((len(distinct), 6), MILLION)
    table[:, ::2] = distinct
    places = np.where(distinct.any(axis=1), np.arange(len(distinct)), -1)[rows].reshape(shares.shape[1:])
    return places.astype(np.int64), table
