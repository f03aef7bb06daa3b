"""Refuse values of a desk file that are well-formed, but cannot be what was meant."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from fanfold import desk
from fanfold.desk import Account, Desk, Limits, StrategyInstance, VenueSettings
from fanfold.errors import BadInput
from fanfold.local import spot_accounts
from fanfold.local.desk_text import read_desk, with_lines, with_toml_line
from fanfold.market import timeframes
from fanfold.market.timeframes import DAY_S
from fanfold.venues.ccxt import installed

# A fee above zero and below this, in basis points, was meant as a share.
FEE_BPS_MIN = Decimal("0.05")


def load(path: Path) -> Desk:
    """Return the desk in a file. Raises BadInput, with the lines, for what could not trade or be meant."""
    return parse(read_desk(path), str(path))


def parse(text: str, source: str) -> Desk:
    """Return the desk in a file's text; see load."""
    read = _entries(text, source)
    wrong = [*unmeant(read), *desk.mistakes(read)]
    if not wrong:
        wrong = list(spot_accounts.mistakes(read))
    if wrong:
        raise desk.refusal(source, with_lines(wrong, text))
    return read


def tables(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a file's text, whose entries have the shape of a desk and can be meant; see load.

    They need not fit each other yet, for a run bends them to its data.
    """
    read = _entries(text, source)
    wrong = list(unmeant(read)) if read.venues and read.accounts else []
    if wrong:
        raise desk.refusal(source, with_lines(wrong, text))
    return desk.tables(text, source)


def _entries(text: str, source: str) -> Desk:
    try:
        raw = desk.tables(text, source)
    except BadInput as wrong:
        raise BadInput(with_toml_line(str(wrong), text)) from wrong
    reasons: list[str] = []
    read = desk.read(raw, reasons)
    if reasons:
        raise desk.refusal(source, with_lines(reasons, text))
    return read


def unmeant(entries: Desk) -> Iterator[str]:
    """Yield each entry that cannot be meant, with the reason."""
    for table in ("venues", "accounts"):
        if not getattr(entries, table):
            yield f"[{table}.<name>] is missing; `fanfold init` writes a whole desk file"
    for name, limits in entries.limits.items():
        yield from (f"[limits.{name}] {reason}" for reason in _limits(limits))
    for symbol, rules in entries.instruments.items():
        yield from (f"[instruments.{symbol}] {reason}" for reason in _rules(symbol, rules))
    for name, venue in entries.venues.items():
        yield from (f"[venues.{name}] {reason}" for reason in [*_exchange(venue), *_timeframe(venue.timeframe)])
    for name, account in entries.accounts.items():
        yield from (f"[accounts.{name}] {reason}" for reason in _costs(account, entries.limits.get(name)))
    for name, instance in entries.strategies.items():
        reasons = [*_timeframe(instance.timeframe), *_smallest(entries, instance)]
        yield from (f"[strategies.{name}] {reason}" for reason in reasons)


def _limits(limits: Limits) -> Iterator[str]:
    for key in ("order_notional_max", "position_notional_max", "gross_max", "orders_per_minute_max"):
        if getattr(limits, key) == 0:
            yield f"`{key}` is 0, so nothing could be ordered; write how much may be"
    for key in ("bar_age_s_max", "signal_age_s_max"):
        if getattr(limits, key) == 0:
            yield f"`{key}` is 0, so every order would come too late; leave it out for its default"
    for key in ("daily_loss_max", "drawdown_max"):
        if getattr(limits, key) == 0:
            yield f"`{key}` is 0, so the first fee would stop all trading; 0.05 is 5 %, and 1 is no limit"


def _costs(account: Account, limits: Limits | None) -> Iterator[str]:
    for key in ("taker_bps", "maker_bps"):
        if 0 < getattr(account, key) < FEE_BPS_MIN:
            yield f"`{key}` is {getattr(account, key)}; it is in basis points: a fee of 0.1 % is 10"
    if -account.maker_bps > account.taker_bps:
        yield (
            f"`maker_bps` is {account.maker_bps}, and `taker_bps` {account.taker_bps}; "
            "a rebate above the fee would pay for trading with oneself"
        )
    impact = account.spread_bps / 2 + account.slippage_bps
    if limits and impact > limits.collar_bps:
        yield (
            f"`slippage_bps` with half of `spread_bps` is {impact:f} bps, and `collar_bps` of its limits is "
            f"{limits.collar_bps:f}, so no market order could fill"
        )


def _smallest(entries: Desk, instance: StrategyInstance) -> Iterator[str]:
    """Yield that not even the smallest order of an instrument fits into the cash or the limits."""
    account, limits = entries.accounts.get(instance.account), entries.limits.get(instance.account)
    if account is None or limits is None:
        return
    largest = min(limits.order_notional_max, limits.position_notional_max)
    cash = account.cash * instance.allocation * max(limits.gross_max, Decimal(1))
    for symbol in instance.instruments:
        rules = entries.instruments.get(symbol)
        if rules and rules.notional_min > largest > 0:
            yield f"{symbol} takes no order below {rules.notional_min:f}, and the limits allow {largest:f} at most"
        elif rules and rules.notional_min > cash:
            yield f"`allocation` of the cash is {cash:f}, and {symbol} takes no order below {rules.notional_min:f}"


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
            installed.check(venue.exchange)
        except BadInput as wrong:
            yield f"`exchange`: {wrong}"


def _timeframe(timeframe: str) -> Iterator[str]:
    try:
        length = timeframes.seconds(timeframe)
    except BadInput:
        return  # The desk names it.
    if DAY_S % length and length % DAY_S:
        yield f"`timeframe` {timeframe} does not divide a day; use one that does, such as 5m, 15m, 1h or 4h"
