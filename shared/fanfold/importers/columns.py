"""Find the columns of a file: by the names that sources use, or as the caller says."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fanfold.errors import BadInput
from fanfold.importers.table import PRICES, Places, refuse

MEANINGS = ("time", "clock", "closes", *PRICES, "volume", "symbol")
# In place of a column: the file tells no volume.
NONE = "none"
# MetaTrader's counts of trades, beside a volume that few brokers tell.
_TICKS = ("tickvol", "tick volume")
# Names as `plain` has them. Of several that a file has, the first counts.
_ALIASES = {
    "time": (
        *(
            "time period start",
            "timeopen",
            "unix",
            "unix timestamp",
            "open time",
            "opentime",
            "open timestamp",
            "timestamp",
            "timestamp ms",
            "ts",
        ),
        *(
            "start at",
            "start time",
            "start",
            "begin",
            "bucket",
            "period start",
            "datetime",
            "date time",
            "date",
            "dtyyyymmdd",
        ),
        *("gmt time", "utc time", "time", "time utc", "local time", "t", "dt", "day", "index", "index level 0", ""),
        *("time (utc)", "date (utc)", "datetime (utc)", "timestamp (utc)", "ticks"),
    ),
    "clock": ("time", "hour", "clock"),
    "closes": ("close time", "closetime", "closes at", "close timestamp", "end time", "time close"),
    "open": ("open", "o", "open price", "px open", "price open"),
    "high": ("high", "h", "high price", "px high", "max", "price high"),
    "low": ("low", "l", "low price", "px low", "min", "price low"),
    "close": ("close", "c", "close price", "px last", "last", "close last", "price close", "price"),
    "volume": (
        *(
            "volume",
            "v",
            "vol",
            "vol.",
            "base volume",
            "basevolume",
            "volume base",
            "volume traded",
            "base asset volume",
        ),
        *("real volume", "volumefrom", *_TICKS),
    ),
    "symbol": (
        *("symbol", "ticker", "pair", "instrument", "instrument name", "inst id", "instid", "market", "coin", "asset"),
        *("product", "product id", "currency pair"),
    ),
}
# Columns by which HTX is known, whose `vol` counts the quote currency and `amount` the base.
_HTX = {"id", "amount", "vol", "count"}
_VOLUME_OF = re.compile(r"volume \(?([a-z0-9]{2,10})\)?|([a-z0-9]{2,10}) volume")
# What a column may be called that counts what was traded, in a currency that nobody knows.
_MAYBE_VOLUME = re.compile(r"vol|amount|qty|quantity|turnover|size|traded")
# What `Volume X` is that is no currency.
_OTHER_VOLUMES = {"quote", "usd value", "weighted", "taker", "maker", "number", "count", "ccy", "notional"}


def plain(name: str) -> str:
    """Return a column's name without case, brackets of MetaTrader, and signs between words.

    >>> plain(" <Open_Time> ")
    'open time'
    """
    return re.sub(r"[\s_\-]+", " ", name.strip().strip('"<>').lower()).strip()


def parse(argument: str) -> dict[str, str]:
    """Return the mapping in ``time=start_at,volume=amount``: meaning -> column, by name or by number from 1.

    >>> parse("time=start_at,volume=amount")
    {'time': 'start_at', 'volume': 'amount'}
    """
    mapping = {}
    for part in filter(None, argument.split(",")):
        meaning, sign, column = part.partition("=")
        if meaning.strip() not in MEANINGS or not sign or not column.strip():
            raise BadInput(
                f"--columns {part!r} is not MEANING=COLUMN; meanings are {', '.join(MEANINGS)}, a column is its name "
                "or its number from 1, such as --columns time=start_at,volume=amount"
            )
        mapping[meaning.strip()] = column.strip()
    return mapping


def known(names: Sequence[str]) -> int:
    """Return how many of the prices have a column under a known name."""
    plain_names = {plain(name) for name in names}
    return sum(1 for meaning in PRICES if not plain_names.isdisjoint(_ALIASES[meaning]))


def places(path: Path, names: Sequence[str], mapping: Mapping[str, str], base: str) -> Places:
    """Return which column is which. ``base`` is the currency that the volume is wanted in, empty where unknown.

    Raises BadInput, which names what the file has, where a column is missing or stands in it twice.
    """
    by_name = {plain(name): name for name in reversed(names)}
    chosen = {meaning: _chosen(path, meaning, column, names) for meaning, column in mapping.items() if column != NONE}
    by_meaning = {
        meaning: by_name[alias] for meaning in MEANINGS for alias in reversed(_ALIASES[meaning]) if alias in by_name
    }
    if by_name.keys() >= _HTX:
        by_meaning |= {"time": by_name["id"], "volume": by_name["amount"]}
    if "volume" not in {*by_meaning, *mapping}:
        by_meaning |= _volume_of(path, by_name, base)
    by_meaning |= chosen
    if "closes" in chosen and "time" not in chosen:
        by_meaning.pop("time", None)
    if mapping.get("volume") == NONE:
        by_meaning.pop("volume", None)
    if "clock" not in chosen:
        # Whether one of the others is a time of day is told by its cells.
        by_meaning.pop("clock", None)
    times = [by_name[alias] for alias in _ALIASES["time"] if alias and alias in by_name]
    others = (
        () if {"time", "clock"} & chosen.keys() else tuple(name for name in times if name != by_meaning.get("time"))
    )
    _refuse_twice(path, names, by_meaning)
    _refuse_missing(path, by_meaning, names, unbounded=mapping.get("volume") == NONE)
    ticks = next(
        (by_name[name] for name in _TICKS if name in by_name and by_name[name] != by_meaning.get("volume")), ""
    )
    return Places(by_meaning, others, ticks)


def _refuse_missing(path: Path, by_meaning: Mapping[str, str], names: Sequence[str], *, unbounded: bool) -> None:
    """Raise BadInput where a column that a bar needs is missing; a volume may be."""
    missing = [meaning for meaning in PRICES if meaning not in by_meaning]
    if "time" not in by_meaning and "closes" not in by_meaning:
        missing = ["time", *missing]
    maybe = [name for name in names if _MAYBE_VOLUME.search(plain(name))] if "volume" not in by_meaning else []
    if maybe and not missing and not unbounded:
        refuse(
            path,
            f"column volume is missing; the file has {', '.join(names)}. If {maybe[0]} counts the base currency, say "
            f"so: --columns volume={maybe[0]}; to trade without a volume, --columns volume=none",
        )
    if missing:
        example = ",".join(f"{meaning}=…" for meaning in missing)
        refuse(
            path,
            f"column {', '.join(missing)} is missing; the file has {', '.join(names)}. "
            f"If one of them is it, say so: --columns {example}",
        )


def _chosen(path: Path, meaning: str, column: str, names: Sequence[str]) -> str:
    """Return the file's own name of a column that the caller named, or numbered."""
    for name in names:
        if name == column or plain(name) == plain(column):
            return name
    if not column.isdigit() or not 1 <= int(column) <= len(names):
        refuse(path, f"--columns says {meaning}={column}; the file has {', '.join(names)}")
    return names[int(column) - 1]


def _volume_of(path: Path, by_name: Mapping[str, str], base: str) -> dict[str, str]:
    """Return the column that names its currency, such as `Volume BTC`: that of the base, else the only one."""
    named = {}
    for name, own in by_name.items():
        match = _VOLUME_OF.fullmatch(name)
        if match and (match[1] or match[2]) not in _OTHER_VOLUMES:
            named[(match[1] or match[2]).upper()] = own
    if base in named:
        return {"volume": named[base]}
    if base and named:
        refuse(
            path,
            f"it has volumes in {', '.join(named)} and none in {base}; say which column counts {base}: "
            "--columns volume=…, or volume=none to trade without",
        )
    return {"volume": next(iter(named.values()))} if named else {}


def _refuse_twice(path: Path, names: Sequence[str], by_meaning: Mapping[str, str]) -> None:
    for name in by_meaning.values():
        if sum(plain(other) == plain(name) for other in names) > 1:
            refuse(path, f"two columns have one name, {name}: {', '.join(names)}")
