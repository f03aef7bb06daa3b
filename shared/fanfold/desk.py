"""The desk file: one validated text that defines what trades."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fanfold import desk_entries
from fanfold.alerts import entries as alert_entries
from fanfold.alerts.entries import AlertChannel
from fanfold.desk_entries import Account, Instrument, Limits, StrategyInstance, VenueSettings
from fanfold.errors import BadInput, near
from fanfold.market import timeframes
from fanfold.operators import persons
from fanfold.operators.persons import Person
from fanfold.strategy import contract

# Callers import the entries from here.
__all__ = [
    "Account", "AlertChannel", "Desk", "Instrument", "Limits", "StrategyInstance", "VenueSettings", "build",
    "bundle_mistakes", "dump", "entries", "load", "mistakes", "parse", "read", "refusal", "tables",
]  # fmt: skip
T = TypeVar("T")


class Desk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The venues, accounts, strategy instances, limits and instruments of a desk, by name.

    ``alerts`` are the channels that are told what needs people, ``chat`` those who may command the desk.
    """

    venues: dict[str, VenueSettings]
    accounts: dict[str, Account]
    strategies: dict[str, StrategyInstance]
    limits: dict[str, Limits]
    instruments: dict[str, Instrument]
    alerts: dict[str, AlertChannel] = {}
    chat: dict[str, Person] = {}

    @property
    def shortest_timeframe(self) -> str:
        """The shortest timeframe that a venue has."""
        return min((venue.timeframe for venue in self.venues.values()), key=timeframes.seconds)


# Names are parts of table keys, message groups and file names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TABLES = ("venues", "accounts", "strategies", "limits", "instruments", "alerts", "chat")


def parse(text: str, source: str = "desk.toml") -> Desk:
    """Return the desk in a TOML text. Raises BadInput, which names the keys, for what could not trade."""
    desk = build(tables(text, source), source)
    if bundles := list(bundle_mistakes(desk)):
        raise refusal(source, bundles)
    return desk


def tables(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text, not checked yet."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise BadInput(f"{source} is not TOML: {wrong}") from wrong


def entries(raw: dict[str, Any], source: str) -> Desk:
    """Return the desk in parsed tables, each entry checked by itself and not yet against the others."""
    wrong: list[str] = []
    desk = read(raw, wrong)
    if wrong:
        raise refusal(source, wrong)
    return desk


def read(raw: dict[str, Any], wrong: list[str]) -> Desk:
    """Return the entries in parsed tables that can be read; add what is wrong with any of them."""
    wrong += [
        f"[{name}] is no table of a desk{near(name, _TABLES)}; a desk has {', '.join(_TABLES)}"
        for name in sorted(raw.keys() - set(_TABLES))
    ]
    return Desk(
        venues=_entries(raw, "venues", VenueSettings, wrong),
        accounts=_entries(raw, "accounts", Account, wrong),
        strategies=_entries(raw, "strategies", StrategyInstance, wrong),
        limits=_entries(raw, "limits", Limits, wrong),
        instruments=_entries(raw, "instruments", Instrument, wrong),
        alerts=_entries(raw, "alerts", AlertChannel, wrong),
        chat=_entries(raw, "chat", Person, wrong),
    )


def build(raw: dict[str, Any], source: str) -> Desk:
    """Return the desk in parsed tables; see parse."""
    desk = entries(raw, source)
    if wrong := list(mistakes(desk)):
        raise refusal(source, wrong)
    return desk


def refusal(source: str, reasons: Sequence[str]) -> BadInput:
    """Return the exception that names all that is wrong with a desk, a line each where there are several."""
    if len(reasons) == 1:
        return BadInput(f"{source}: {reasons[0]}")
    return BadInput("\n  ".join([f"{source}: {len(reasons)} mistakes", *reasons]))


def mistakes(desk: Desk) -> Iterator[str]:
    """Yield each entry that does not fit the others, with the reason."""
    for symbol, instrument in desk.instruments.items():
        yield from (f"[instruments.{symbol}] {reason}" for reason in _of_instrument(instrument))
    for name, venue in desk.venues.items():
        yield from (f"[venues.{name}] {reason}" for reason in _of_venue(desk, venue))
    for name in sorted(desk.limits.keys() - desk.accounts.keys()):
        yield f"[limits.{name}] is of no account{near(name, list(desk.accounts))}; there are {_listed(desk.accounts)}"
    for name, account in desk.accounts.items():
        yield from _of_account(desk, name, account)
    for name, instance in desk.strategies.items():
        yield from (f"[strategies.{name}] {reason}" for reason in _of_instance(desk, instance))
    for name, channel in desk.alerts.items():
        yield from (f"[alerts.{name}] {reason}" for reason in alert_entries.mistakes(channel))
    yield from _of_shares_and_legs(desk)
    yield from (f"[chat.{name}] {reason}" for name, reason in persons.mistakes(desk.chat))


def load(document: bytes, source: str) -> Desk:
    """Return the desk from the JSON that ``dump`` wrote."""
    try:
        raw = msgspec.json.decode(document, type=dict[str, Any])
    except msgspec.MsgspecError as wrong:
        raise BadInput(f"{source} is not a desk: {wrong}") from wrong
    return build(raw, source)


def dump(desk: Desk) -> bytes:
    """Return the canonical JSON of a desk, as the functions read it."""
    return msgspec.json.encode(desk, order="sorted")


def _entries(raw: dict[str, Any], name: str, kind: type[T], wrong: list[str]) -> dict[str, T]:
    """Return the entries of a table; add what is wrong with any of them."""
    table = raw.get(name, {})
    if not isinstance(table, dict):
        wrong.append(f"[{name}] must be a table of tables, [{name}.<name>]")
        return {}
    wrong += [
        f"[{name}.{key}] is no name: use up to 63 letters, digits, `_`, `-` and `.`"
        for key in (table if name != "instruments" else ())
        if not _NAME.fullmatch(key)
    ]
    parsed: dict[str, T] = {}
    for key, value in table.items():
        entry, reasons = desk_entries.read(kind, value)
        wrong += [f"[{name}.{key}] {reason}" for reason in reasons]
        if entry is not None:
            parsed[key] = entry
    return parsed


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _of_instrument(instrument: Instrument) -> Iterator[str]:
    if 0 < instrument.amount_max < instrument.amount_min:
        yield f"`amount_max` is {instrument.amount_max}, below `amount_min`, {instrument.amount_min}; no order fits"
    places = desk_entries.decimals(instrument.tick) + desk_entries.decimals(instrument.lot)
    if places > desk_entries.CASH_DECIMALS:
        yield (
            f"a lot at a price of one `tick` has {places} decimals; cash is "
            f"booked to {desk_entries.CASH_DECIMALS}, so use a larger `lot`"
        )


def _of_timeframe(timeframe: str) -> Iterator[str]:
    try:
        timeframes.seconds(timeframe)
    except BadInput as wrong:
        yield f"`timeframe`: {wrong}"


def _of_venue(desk: Desk, venue: VenueSettings) -> Iterator[str]:
    yield from _of_timeframe(venue.timeframe)
    if venue.kind == "ccxt" and not venue.exchange:
        yield 'kind ccxt needs `exchange`, such as exchange = "binance"'
    if not venue.symbols or len(set(venue.symbols)) != len(venue.symbols):
        yield "`symbols` must name each instrument of the universe once"
    if len(venue.symbols) > desk_entries.SYMBOLS_MAX:
        yield (
            f"`symbols` names {len(venue.symbols):,} instruments; a venue takes {desk_entries.SYMBOLS_MAX:,}: "
            "describe the exchange a second time under another name"
        )
    for symbol in venue.symbols:
        spot, _, settled = symbol.partition(":")
        if settled:
            yield (
                f"`symbols` names {symbol}, a contract that settles in {settled}; only spot is traded, such as {spot}"
            )
        elif symbol not in desk.instruments:
            yield (
                f'`symbols` names {symbol}, which has no [instruments."{symbol}"]; '
                "run `fanfold desk check --refresh` to take it from the venue"
            )


def _of_account(desk: Desk, name: str, account: Account) -> Iterator[str]:
    path, limits = f"accounts.{name}", desk.limits.get(name)
    if limits is None:
        yield f"[limits.{name}] is missing; an account without limits does not trade"
    if account.venue not in desk.venues:
        meant = near(account.venue, list(desk.venues))
        yield f"[{path}] `venue` names {account.venue!r}, which is not one of {_listed(desk.venues)}{meant}"
        return
    if account.mode == "live" and (desk.venues[account.venue].kind != "ccxt" or account.kind != "spot"):
        wrong = f"its venue is of kind {desk.venues[account.venue].kind}, and it is a {account.kind} account"
        yield f'[{path}] mode "live" needs a venue of kind "ccxt" and kind = "spot"; {wrong}'
    live = sorted(key for key, own in desk.accounts.items() if own.mode == "live" and own.venue == account.venue)
    if name in live[1:]:
        yield f"[{path}] is live at {account.venue}, as {live[0]} is: both would trade with one key; make one of them"
    traded = [symbol for symbol in desk.venues[account.venue].symbols if symbol in desk.instruments]
    for symbol in traded:
        quote = desk.instruments[symbol].quote
        if quote != account.currency:
            yield (
                f"[{path}] `currency` is {account.currency}, but {symbol} is quoted in {quote}; "
                "there is no conversion, so use one quote currency an account"
            )
        if limits and limits.position_notional_max / desk.instruments[symbol].tick >= desk_entries.BELOW:
            yield (
                f"[limits.{name}] `position_notional_max` at a price of one tick of {symbol} is more "
                "than any record holds; lower it, or write the real tick"
            )


def _near_symbol(name: str, symbols: Sequence[str]) -> str:
    return near(name.upper(), [symbol for symbol in symbols if name.upper().startswith(symbol.partition("/")[0])])


def _of_instance(desk: Desk, instance: StrategyInstance) -> Iterator[str]:
    account = desk.accounts.get(instance.account)
    if account is None:
        meant = near(instance.account, list(desk.accounts))
        yield f"`account` names {instance.account!r}, which is not one of {_listed(desk.accounts)}{meant}"
    venue = desk.venues.get(account.venue) if account else None
    # A venue without symbols is reported by itself.
    missing = [symbol for symbol in instance.instruments if venue and venue.symbols and symbol not in venue.symbols]
    if missing or not instance.instruments:
        symbols = venue.symbols if venue else list(desk.instruments)
        named = f"names {_listed(missing)}{_near_symbol(missing[0], symbols)}" if missing else "is empty"
        yield f"`instruments` {named}: choose from the venue's symbols {', '.join(symbols)}"
    if len(set(instance.instruments)) != (legs := len(instance.instruments)):
        yield "`instruments` must name each of them once"
    wrong = list(_of_timeframe(instance.timeframe))
    yield from wrong
    readable = venue and not [*wrong, *_of_timeframe(venue.timeframe)]
    if venue and readable and timeframes.seconds(instance.timeframe) % timeframes.seconds(venue.timeframe):
        yield f"`timeframe` {instance.timeframe} is no multiple of the venue's {venue.timeframe}"
    count, over_s, limits = instance.slices, instance.slices_over_s, desk.limits.get(instance.account)
    if (count > 1) != (over_s >= count):
        entries = f"`slices` is {count} and `slices_over_s` {over_s}"
        yield f"{entries}; write both, at least a second a slice, such as 5 and 600, or neither"
    if limits and limits.orders_per_minute_max < count > 1:
        most = limits.orders_per_minute_max
        yield f"`slices` is {count}, approved together, and `orders_per_minute_max` of the account is {most}"
    try:
        contract.bind(instance.strategy, instance.params, legs)
        if limits and limits.orders_per_minute_max < legs and contract.is_bundle(instance.strategy):
            yield f"its {legs} legs go out together, and `orders_per_minute_max` is {limits.orders_per_minute_max}"
    except BadInput as refused:
        yield str(refused)


def bundle_mistakes(desk: Desk) -> Iterator[str]:
    """Yield each bundle one leg of which can never be ordered, because then none is."""
    for name, instance in desk.strategies.items():
        if contract.is_bundle(instance.strategy) and desk.accounts[instance.account].kind == "spot":
            yield (
                f"[strategies.{name}] {instance.strategy} is short in one of its legs, which a spot account cannot be; "
                f'give it an account of kind "margin", not {instance.account}'
            )


def _of_shares_and_legs(desk: Desk) -> Iterator[str]:
    for account in desk.accounts:
        own = [strategy for strategy in desk.strategies.values() if strategy.account == account]
        shares = [strategy.allocation for strategy in own]
        if sum(shares, Decimal(0)) > 1:
            yield (
                f"[accounts.{account}] `allocation`s of its strategies must add up to at most 1; "
                f"they are {', '.join(map(str, shares))}"
            )
        legs = sum(len(strategy.instruments) for strategy in own)
        if legs > desk_entries.LEGS_MAX:
            yield (
                f"[accounts.{account}] its strategies have {legs:,} legs; an account takes {desk_entries.LEGS_MAX:,}: "
                "move some of its strategies to another account"
            )
