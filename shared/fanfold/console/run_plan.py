"""What a run trades: the desk file, bent to the data, strategy and params that were asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold import desk, strategies, timeframes
from fanfold.bars import Series
from fanfold.console import datafiles
from fanfold.console.datafiles import DataFile
from fanfold.desk import Desk, Instrument
from fanfold.money import ratio
from fanfold.refusals import BadInput
from fanfold.simulation import market

SEED = 7
SEEDED_START = 1_767_225_600  # 2026-01-01, midnight UTC
WARM_UP_MINUTES = 2 * 1_440
SEEDED_MINUTES = 720
# It is made in memory before the first bar is traded.
SEEDED_MINUTES_MAX = 200_000
NOTIONALS = {"order_notional_max", "position_notional_max"}
# One of them is worth another.
DOLLARS = {"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI"}


class Plan(NamedTuple):
    """A desk, the recordings that it trades (none: a live venue), the span to trade, and what was bent to fit."""

    desk: Desk
    recordings: list[Series]
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
) -> Plan:
    """The plan of a replay, or of what is ``after`` a close (epoch seconds). Raises BadInput for what can't be run."""
    files = [datafiles.read(one) for one in data]
    raw = _raw(desk_file)
    notes: list[str] = []
    _endow(raw, cash, notes)
    if files:
        recordings = _universe(raw, files, notes)
        _currency(raw, {file.instrument.quote for file in files}, cash, notes)
    else:
        symbols = _seeded(raw, notes)["symbols"]
        passed = WARM_UP_MINUTES if after is None else (after - SEEDED_START) // 60
        if passed + (minutes or SEEDED_MINUTES) > SEEDED_MINUTES_MAX:
            raise BadInput(f"the seeded market is made for {SEEDED_MINUTES_MAX:,} minutes at most, two days of warming "
                           "up included; trade fewer with --minutes")
        recordings = market.market(SEED, symbols, passed + (minutes or SEEDED_MINUTES), SEEDED_START)
        since = SEEDED_START + (passed + 1) * 60 if since is None else since
    choose(raw, strategy, params, notes)
    built = desk.build(raw, desk_file.name)
    start, end = _span(recordings, since if after is None else after + 1, until, minutes)
    return Plan(built, recordings, files, start, end, notes)


def choose(raw: dict[str, Any], strategy: str | None, params: Mapping[str, str], notes: list[str]) -> None:
    """Keep one strategy of the desk, or put up one by its module's name; set its params."""
    instances = raw.get("strategies", {})
    if strategy is not None:
        if strategy not in instances and strategy not in strategies.names():
            raise BadInput(f"--strategy {strategy!r} is neither an instance of the desk ({', '.join(instances)}) "
                           f"nor a strategy ({', '.join(strategies.names())})")
        instances = {strategy: instances.get(strategy) or _put_up(raw, strategy, notes)}
        raw["strategies"] = instances
        notes.append(f"only {strategy} trades")
    if params and len(instances) != 1:
        raise BadInput("--param needs --strategy: say whose param it is")
    for instance in instances.values() if params else ():
        instance["params"] = {**instance.get("params", {}), **params}


def live(
    desk_file: Path, exchange: str, symbols: Sequence[str], instruments: Mapping[str, Instrument], notes: list[str],
    cash: Decimal | None = None,
) -> dict[str, Any]:
    """The desk's tables with its venue turned into a real exchange's, for paper trading on public bars."""
    raw = _raw(desk_file)
    _endow(raw, cash, notes)
    name, _ = _venue(raw)
    raw["venues"] = {name: {"kind": "ccxt", "exchange": exchange, "symbols": list(symbols), "timeframe": "1m"}}
    raw["instruments"] = {symbol: msgspec.to_builtins(rules) for symbol, rules in instruments.items()}
    _retarget(raw, list(symbols), "1m", notes)
    _currency(raw, {rules.quote for rules in instruments.values()}, cash, notes)
    return raw


def params(given: Sequence[str]) -> dict[str, str]:
    """``k=v`` pairs as a mapping."""
    wrong = [one for one in given if "=" not in one]
    if wrong:
        raise BadInput(f"--param {wrong[0]!r} is not of the form name=value, such as fast=10")
    return dict(one.split("=", 1) for one in given)


def _raw(desk_file: Path) -> dict[str, Any]:
    try:
        text = desk_file.read_text()
    except FileNotFoundError as missing:
        raise BadInput(f"there is no {desk_file}; name the desk file with --desk, or write one") from missing
    except UnicodeDecodeError as wrong:
        raise BadInput(f"{desk_file} is no text in UTF-8: {wrong}") from wrong
    return desk.tables(text, desk_file.name)


def _venue(raw: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    found = list(raw.get("venues", {}).items())
    if len(found) != 1:
        raise BadInput(f"a local run trades one venue; the desk has {len(found)}: {[name for name, _ in found]}")
    name, venue = found[0]
    return name, venue


def _seeded(raw: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """The desk's one venue, which plays recordings from now on even if it is a real one."""
    name, venue = _venue(raw)
    if venue.get("kind") == "ccxt":
        notes.append(f"{name} plays the seeded market; `fanfold run --live {venue.get('exchange')}` asks the real one")
        venue["kind"] = "replay"
    return venue


def _universe(raw: dict[str, Any], files: Sequence[DataFile], notes: list[str]) -> list[Series]:
    """Make the files the venue's universe; strategies follow."""
    symbols = [file.series.instrument for file in files]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise BadInput(f"two files hold {twice[0]}; name one of them, or say what the other is with FILE=BASE/QUOTE")
    lengths = {file.series.timeframe for file in files}
    if len(lengths) > 1:
        raise BadInput(f"files of one run need one timeframe; these have {', '.join(sorted(lengths))}")
    name, venue = _venue(raw)
    timeframe = lengths.pop()
    raw["venues"] = {name: {**venue, "kind": "replay", "symbols": symbols, "timeframe": timeframe}}
    raw["instruments"] = {file.series.instrument: msgspec.to_builtins(file.instrument) for file in files}
    _retarget(raw, symbols, timeframe, notes)
    return [file.series for file in files]


def _retarget(raw: dict[str, Any], symbols: list[str], timeframe: str, notes: list[str]) -> None:
    """Point the desk's strategies at the instruments that there are."""
    kept: dict[str, Any] = {}
    for name, instance in raw.get("strategies", {}).items():
        wanted = [symbol for symbol in instance.get("instruments", []) if symbol in symbols]
        whole = len(wanted) == len(instance.get("instruments", []))
        fitted = wanted if whole else _fitted(instance.get("strategy", ""), symbols)
        if not fitted:
            notes.append(f"{name} is left out: it needs more instruments than there are")
            continue
        if not whole:
            notes.append(f"{name} trades {', '.join(fitted)}: its own instruments are not in the data")
        kept[name] = {**instance, "instruments": fitted}
        if timeframes.seconds(instance.get("timeframe", timeframe)) % timeframes.seconds(timeframe):
            kept[name]["timeframe"] = timeframe
            notes.append(f"{name} trades {timeframe} bars: its own are finer than the data")
    raw["strategies"] = kept


def _fitted(strategy: str, symbols: list[str]) -> list[str]:
    count = strategies.instruments_of(strategy) if strategy in strategies.names() else None
    if count is None:
        return symbols
    return symbols[:count] if len(symbols) >= count else []


def _endow(raw: dict[str, Any], cash: Decimal | None, notes: list[str]) -> None:
    """Give every account other cash, and its limits in the same measure."""
    if cash is None:
        return
    for name, account in raw.get("accounts", {}).items():
        share = ratio(cash, Decimal(account.get("cash", cash)))
        account["cash"] = cash
        limits = raw.get("limits", {}).get(name, {})
        for key in NOTIONALS & limits.keys():
            limits[key] = round(limits[key] * share, 8)
        notes.append(f"account {name} begins with {cash:f}, and its limits are in the same measure")


def _currency(raw: dict[str, Any], quotes: set[str], cash: Decimal | None, notes: list[str]) -> None:
    if len(quotes) != 1:
        return  # The desk's own check names the account and the instrument.
    (quote,) = quotes
    for name, account in raw.get("accounts", {}).items():
        kept = account.get("currency")
        if kept == quote:
            continue
        if cash is None and not {kept, quote} <= DOLLARS:
            raise BadInput(f"the data is quoted in {quote}, and account {name} has {account.get('cash')} {kept}: say "
                           f"how much {quote} it is to begin with, such as --cash 10")
        account["currency"] = quote
        notes.append(f"account {name} is kept in {quote}, as the data is quoted in it")


def _put_up(raw: dict[str, Any], strategy: str, notes: list[str]) -> dict[str, Any]:
    """An instance of a strategy that the desk does not have, with all of the first account's cash."""
    _, venue = _venue(raw)
    accounts: dict[str, dict[str, Any]] = raw.get("accounts", {})
    if not accounts:
        raise BadInput("the desk has no account to trade with: add [accounts.main]")
    account, money = next(iter(accounts.items()))
    fitted = _fitted(strategy, list(venue["symbols"]))
    if not fitted:
        raise BadInput(f"{strategy} needs more instruments than the {len(venue['symbols'])} that there are")
    limits = raw.get("limits", {}).get(account, {})
    for key in NOTIONALS:
        limits[key] = max(limits.get(key, 0), money.get("cash", 0))
    notes.append(f"{strategy} trades with all cash of {account}; its orders and positions may be as large as that")
    timeframe = venue.get("timeframe", "1m")
    return {"strategy": strategy, "instruments": fitted, "timeframe": timeframe, "account": account, "allocation": 1}


def _span(
    recordings: Sequence[Series], since: int | None, until: int | None, minutes: int | None
) -> tuple[int, int]:
    """First and last close to trade, in epoch seconds."""
    first = min(one.bars[0].closes_at for one in recordings)
    last = max(one.bars[-1].closes_at for one in recordings)
    length = timeframes.seconds(recordings[0].timeframe)
    start = first if since is None else max(first, -(-since // length) * length)
    end = last if until is None else min(last, until)
    if minutes is not None:
        end = min(end, start + (minutes * 60 // length - 1) * length)
    if start > end:
        asked = f"{_text(start)} to {_text(end)} was asked for"
        raise BadInput(f"nothing is left to trade: the data spans {_text(first)} to {_text(last)}, and {asked}")
    return start, end


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")
