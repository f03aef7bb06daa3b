"""Refuse values of a desk file that are well-formed, but cannot be what was meant."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from fanfold import desk
from fanfold.desk import Desk, VenueSettings
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.timeframes import DAY_S
from fanfold.strategy import contract
from fanfold.venues.ccxt import slim

Wrong = tuple[str, str]
# [accounts.main] `cash`, as every error names its entry and its key.
_NAMED = re.compile(r"\[((?:venues|accounts|strategies|limits|instruments)\.[^\]]+)\]([^`;\n]*`(\w+)`)?")


def parse(text: str, source: str) -> Desk:
    """Return the desk in a file's text. Raises BadInput, with the lines, for what could not trade or be meant."""
    try:
        entries = desk.entries(desk.tables(text, source), source)
    except BadInput as wrong:
        raise BadInput(with_lines(str(wrong), text)) from wrong
    reasons = [f"[{path}] {reason}" for path, reason in unmeant(entries)]
    try:
        parsed = desk.parse(text, source)
    except BadInput as wrong:
        reasons.append(str(wrong).removeprefix(f"{source}: "))
    if reasons:
        raise BadInput(with_lines(f"{source}: {'; '.join(reasons)}", text))
    return parsed


def refuse(entries: Desk, source: str) -> None:
    """Raise BadInput, with all of them, for values that cannot be meant."""
    wrong = [f"[{path}] {reason}" for path, reason in unmeant(entries)]
    if wrong:
        raise BadInput(f"{source}: {'; '.join(wrong)}")


def with_lines(message: str, text: str) -> str:
    """Return an error with the line of each entry that it names, or of its key where the entry has it."""

    def located(match: re.Match[str]) -> str:
        number = _line(text, match[1], match[3] or "")
        return f"line {number}: {match[0]}" if number else match[0]

    return _NAMED.sub(located, message)


def _line(text: str, path: str, key: str) -> int:
    header = 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip().replace('"', "").replace(" ", "")
        if bare == f"[{path}]".replace(" ", ""):
            header = number
        elif bare.startswith("[") and header:
            break
        elif header and bare.partition("=")[0] == key:
            return number
    return header


def unmeant(entries: Desk) -> Iterator[Wrong]:
    """Yield the path of each entry that cannot be meant, with the reason."""
    if not entries.venues or not entries.accounts:
        yield "venues.<name>", "or [accounts.<name>] is missing; `fanfold init` writes a whole desk file"
    for name, limits in entries.limits.items():
        for key in ("order_notional_max", "position_notional_max", "gross_max", "orders_per_minute_max"):
            if getattr(limits, key) == 0:
                yield f"limits.{name}", f"`{key}` is 0, so nothing could be ordered; write how much may be"
    for symbol, rules in entries.instruments.items():
        yield from ((f"instruments.{symbol}", reason) for reason in _rules(symbol, rules))
    for name, venue in entries.venues.items():
        yield from ((f"venues.{name}", reason) for reason in _exchange(venue))
    for table in ("venues", "strategies"):
        for name, entry in getattr(entries, table).items():
            yield from ((f"{table}.{name}", reason) for reason in _timeframe(entry.timeframe))
    for name, instance in entries.strategies.items():
        yield from ((f"strategies.{name}", reason) for reason in _shorts(entries, instance))


def _rules(symbol: str, rules: Any) -> Iterator[str]:
    base, _, quote = symbol.partition("/")
    for key, value, named in (("base", rules.base, base), ("quote", rules.quote, quote)):
        if value != named:
            yield f"`{key}` is {value}, and {symbol} says {named}; write the same in both"
    tick = rules.tick
    if tick and (tick if tick >= 1 else 1 / tick) % 1:
        yield f"`tick` is {tick}; a tick divides 1, or is a whole number, such as 0.01, 0.05 or 5"
    try:
        date.fromisoformat(rules.as_of)
    except ValueError:
        yield f"`as_of` is {rules.as_of!r}; it is the date of the rules, such as 2026-01-31"


def _exchange(venue: VenueSettings) -> Iterator[str]:
    if venue.kind == "ccxt" and venue.exchange:
        try:
            slim.check(venue.exchange)
        except BadInput as wrong:
            yield f"`exchange`: {wrong}"


def _timeframe(timeframe: str) -> Iterator[str]:
    try:
        length = timeframes.seconds(timeframe)
    except BadInput:
        return  # Named where the tables are checked against each other.
    if DAY_S % length and length % DAY_S:
        yield f"`timeframe` {timeframe} does not divide a day; use one that does, such as 5m, 15m, 1h or 4h"


def _shorts(entries: Desk, instance: Any) -> Iterator[str]:
    account = entries.accounts.get(instance.account)
    if account is None or account.kind != "spot":
        return
    try:
        params = contract.bind(instance.strategy, instance.params, len(instance.instruments)).params
    except BadInput:
        return  # As above.
    if Decimal(str(getattr(params, "short", 0))) > 0:
        yield (
            f"`short` of {instance.strategy} is {params.short}, and account {instance.account} is spot, which cannot "
            'short; write params = { short = 0 }, or kind = "margin"'
        )
