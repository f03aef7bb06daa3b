"""Plan a run: the desk file, adapted to the requested data, strategy and params."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.desk import Desk, Instrument
from fanfold.errors import BadInput, near
from fanfold.importers import joining
from fanfold.importers.data_files import DataFile
from fanfold.local import desk_meaning, spot_accounts, universe, warm_up, whole_weights
from fanfold.local.desk_text import read_desk
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.simulation import market
from fanfold.strategy import checking, contract

SEED = 7
SEEDED_START = 1_767_225_600  # 2026-01-01, midnight UTC
WARM_UP_MINUTES = 2 * 1_440
SEEDED_MINUTES = 720
# How far the seeded market is made for a run that stays: a week of it, a minute a second, is some three hours.
STAY_MINUTES = 7 * 1_440
# The seeded market is made in memory before the first bar is traded.
SEEDED_MINUTES_MAX = 200_000


DESK_FILE = Path("desk.toml")
# The data sets the symbols and the currency.
BUILT_IN = """
[venues.market]
kind = "replay"
symbols = []

[accounts.main]
venue = "market"
kind = "margin"
currency = "USDT"
cash = 100_000

[strategies]

[limits.main]
order_notional_max = 100_000
position_notional_max = 100_000
"""


class RunOptions(NamedTuple):
    """The options of a run, as the command line has them; those that were left out are None or empty.

    ``since`` and ``until`` are closes in epoch seconds, ``minutes`` and ``speed`` are of market time.
    """

    desk: Path | None = None
    data: Sequence[str] = ()
    columns: Mapping[str, str] = {}
    live: str = ""
    symbols: str = ""
    origin: str = ""
    exchange: str = ""
    faults: str = "none"
    seed: int = SEED
    kills: int = 0
    strategy: str | None = None
    strategies: Path | None = None
    param: Sequence[str] = ()
    cash: Decimal | None = None
    since: int | None = None
    until: int | None = None
    minutes: int | None = None
    speed: str | float = "max"
    images: bool = False
    stay: bool = False
    resume: bool = False
    overwrite: bool = False
    verbose: bool = False

    @property
    def desk_file(self) -> Path:
        """Return the path of the desk file. Raises BadInput if --desk names a file that does not exist."""
        if self.desk is not None and not self.desk.exists():
            raise BadInput(_missing(self.desk))
        return self.desk or DESK_FILE


class RunPlan(NamedTuple):
    """A desk, the recordings that it trades and the span to trade.

    ``start`` and ``until`` are the first and the last close to trade, in epoch seconds; ``notes`` tell a user how the
    desk was adapted.
    """

    desk: Desk
    recordings: list[Recording]
    files: list[DataFile]
    start: int
    until: int
    notes: list[str]


def plan(
    desk_file: Path,
    data: Sequence[str],
    strategy: str | None,
    params: Mapping[str, str],
    since: int | None,
    until: int | None,
    minutes: int | None,
    after: int | None = None,
    cash: Decimal | None = None,
    columns: Mapping[str, str] | None = None,
    on_read: Callable[[Path], None] = lambda _path: None,
    beyond: int = 0,
) -> RunPlan:
    """Return the plan of a replay, or of what is left of it ``after`` a close, in epoch seconds.

    It tells ``on_read`` of each file. The seeded market is recorded for ``beyond`` minutes more than are traded.
    Raises BadInput for options, data or a desk that cannot be run.
    """
    if since is not None and until is not None and since > until:
        raise BadInput(f"--from {_text(since)} is after --until {_text(until)}")
    notes: list[str] = []
    raw = _desk_or_built_in(desk_file, strategy, notes)
    files = _read(data, columns, since, raw.get("strategies", {}), strategy, params, on_read)
    notes += joining.disjoint_spans(files)
    if strategy in raw.get("strategies", {}) or (strategy in contract.names() and files):
        # Nothing is noted about instances that do not trade.
        raw["strategies"] = {name: own for name, own in raw["strategies"].items() if name == strategy}
    universe.set_cash(raw, cash, notes)
    universe.on_paper(raw, notes)
    if files:
        recordings = universe.fit(raw, files, notes)
        universe.keep_in_quote(raw, cash, notes)
    else:
        minutes = minutes or _seeded_minutes(since, after, until)
        recordings = _seeded(universe.seeded(raw, notes), _seeded_passed(since, after) + minutes, beyond)
        since = SEEDED_START + (WARM_UP_MINUTES + 1) * 60 if since is None else since
    choose(raw, strategy, params, notes)
    built = desk.build(raw, desk_file.name)
    spot_accounts.refuse(built, desk_file.name)
    for instance in built.strategies.values():
        checking.refuse(instance.strategy, instance.params, len(instance.instruments))
    start, end = _span(recordings, since if after is None else after + 1, until, minutes)
    notes += whole_weights.too_small(built)
    notes += warm_up.absent(recordings, start, end)
    notes += warm_up.short_of_bars(built, recordings, end)
    return RunPlan(built, recordings, files, start, end, notes)


def _read(
    data: Sequence[str],
    columns: Mapping[str, str] | None,
    since: int | None,
    instances: Mapping[str, Any],
    strategy: str | None,
    params: Mapping[str, str],
    on_read: Callable[[Path], None],
) -> list[DataFile]:
    """Return the bars in files that a run from ``since`` on needs; all where it begins with the first."""
    if since is None:
        return joining.read_all(data, columns, on_read=on_read)
    if strategy is not None:
        instances = {strategy: instances.get(strategy, {})}
    with_params = {
        name: {**instance, "params": {**instance.get("params", {}), **params}} for name, instance in instances.items()
    }
    return joining.read_all(data, columns, need=warm_up.need(since, with_params, len(data)), on_read=on_read)


def _seeded(symbols: Sequence[str], minutes: int, beyond: int) -> list[Recording]:
    """Return the seeded market of so many minutes, and of those beyond as far as it is made at all."""
    if minutes > SEEDED_MINUTES_MAX:
        raise BadInput(
            f"the seeded market is made for {SEEDED_MINUTES_MAX:,} minutes at most, two days of warming "
            "up included; trade fewer with --minutes"
        )
    made = market.market(SEED, symbols, min(minutes + beyond, SEEDED_MINUTES_MAX), SEEDED_START)
    return [Recording.of(series) for series in made]


def _seeded_minutes(since: int | None, after: int | None, until: int | None) -> int:
    """Return how many minutes of the seeded market are traded where no number is named: twelve hours, or to an end."""
    if until is None:
        return SEEDED_MINUTES
    return max((until - SEEDED_START) // 60 - _seeded_passed(since, after), 1)


def _seeded_passed(since: int | None, after: int | None) -> int:
    """Return the minutes of the seeded market before the first that is traded; it is made from its beginning."""
    if after is not None:
        return (after - SEEDED_START) // 60
    return WARM_UP_MINUTES if since is None else max(0, -(-since // 60) - SEEDED_START // 60 - 1)


def choose(raw: dict[str, Any], strategy: str | None, params: Mapping[str, str], notes: list[str]) -> None:
    """Keep one strategy instance of the desk, or add one of a strategy by its name; set its params."""
    instances = raw.get("strategies", {})
    if strategy is not None:
        if strategy not in instances and strategy not in contract.names():
            raise BadInput(
                f"{strategy!r} is neither an instance of the desk ({', '.join(instances) or 'it has none'}) "
                f"nor a strategy ({', '.join(contract.names())}){near(strategy, [*instances, *contract.names()])}"
            )
        instances = {strategy: instances.get(strategy) or universe.new_instance(raw, strategy, notes)}
        raw["strategies"] = instances
        notes.append(f"only {strategy} trades")
    if params and len(instances) != 1:
        raise BadInput("--param needs a strategy: say whose param it is")
    for instance in instances.values() if params else ():
        instance["params"] = {**instance.get("params", {}), **params}


def live(
    desk_file: Path,
    exchange: str,
    symbols: Sequence[str],
    instruments: Mapping[str, Instrument],
    notes: list[str],
    cash: Decimal | None = None,
) -> dict[str, Any]:
    """Return the desk's tables with a real exchange as their only venue, for paper trading on public bars."""
    raw = _raw(desk_file)
    universe.on_paper(raw, notes)
    universe.set_cash(raw, cash, notes)
    universe.one_venue(raw, exchange, {symbol: instruments[symbol] for symbol in symbols}, notes)
    universe.keep_in_quote(raw, cash, notes)
    return raw


def params(pairs: Sequence[str]) -> dict[str, str]:
    """Return pairs of the form ``name=value`` as a mapping. Raises BadInput for another form, or a name twice."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise BadInput(f"--param {wrong[0]!r} is not of the form name=value, such as fast=10")
    names = [pair.partition("=")[0] for pair in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadInput(f"--param {twice[0]} is given twice; name each param once")
    return dict(pair.split("=", 1) for pair in pairs)


def _desk_or_built_in(desk_file: Path, strategy: str | None, notes: list[str]) -> dict[str, Any]:
    """Return the tables of the desk file, or those of the built-in desk if there is no file and --strategy is set.

    The built-in desk trades the instruments of the data, or those of the seeded market.
    """
    if strategy is None or desk_file.name != DESK_FILE.name or desk_file.exists():
        return _raw(desk_file)
    notes.append(
        f"there is no {desk_file}: a built-in desk trades, 100,000 on margin at 10 bps; `fanfold init` writes one"
    )
    raw = desk.tables(BUILT_IN, "the built-in desk")
    listed = market.catalogue()
    raw["venues"]["market"]["symbols"] = list(listed)
    raw["instruments"] = {symbol: msgspec.to_builtins(instrument) for symbol, instrument in listed.items()}
    return raw


def _raw(desk_file: Path) -> dict[str, Any]:
    if not desk_file.exists():
        raise BadInput(_missing(desk_file))
    return desk_meaning.tables(read_desk(desk_file), desk_file.name)


def _missing(desk_file: Path) -> str:
    return f"there is no {desk_file}; name the desk file with --desk, or let `fanfold init` write one"


def _span(
    recordings: Sequence[Recording], since: int | None, until: int | None, minutes: int | None
) -> tuple[int, int]:
    """Return the first and the last close to trade, in epoch seconds."""
    first = min(recording.closes_at_s(0) for recording in recordings)
    last = max(recording.closes_at_s(-1) for recording in recordings)
    length = timeframes.seconds(recordings[0].timeframe)
    start = first if since is None else max(first, -(-since // length) * length)
    end = last if until is None else min(last, until)
    if minutes is not None:
        if minutes * 60 < length:
            raise BadInput(f"--minutes {minutes} is less than a bar of {recordings[0].timeframe}: name more minutes")
        end = min(end, start + (minutes * 60 // length - 1) * length)
    if start > end:
        # Of data that was left out, only the end is known.
        whole = not any(recording.after for recording in recordings)
        there = f"spans {_text(first)} to {_text(last)}" if whole else f"ends {_text(last)}"
        raise BadInput(f"nothing is left to trade: the data {there}, and {_text(start)} to {_text(end)} was asked for")
    return start, end


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")
