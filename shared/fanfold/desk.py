"""The desk file: one validated text that defines what trades."""

import re
import tomllib
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from fanfold import desk_entries
from fanfold.desk_entries import Account, Instrument, Limits, StrategyInstance, VenueSettings
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.strategy import contract

# Callers import the entries from here.
__all__ = [
    "Account",
    "Desk",
    "Instrument",
    "Limits",
    "StrategyInstance",
    "VenueSettings",
    "build",
    "dump",
    "entries",
    "load",
    "parse",
    "tables",
]
T = TypeVar("T")


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The venues, accounts, strategy instances, limits and instruments of a desk, by name."""

    venues: dict[str, VenueSettings]
    accounts: dict[str, Account]
    strategies: dict[str, StrategyInstance]
    limits: dict[str, Limits]
    instruments: dict[str, Instrument]


# Names are parts of table keys, message groups and file names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TABLES = ("venues", "accounts", "strategies", "limits", "instruments")


def parse(text: str, source: str = "desk.toml") -> Desk:
    """Return the desk in a TOML text. Raises BadInput, which names the key, for anything that could not trade."""
    desk = build(tables(text, source), source)
    for name, instance in desk.strategies.items():
        _check_bundle(desk, name, instance, source)
    return desk


def tables(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text, not checked yet."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise BadInput(f"{source} is not TOML: {wrong}") from wrong


def entries(raw: dict[str, Any], source: str) -> Desk:
    """Return the desk in parsed tables, each entry checked by itself and not yet against the others."""
    unknown = sorted(raw.keys() - set(_TABLES))
    if unknown:
        raise BadInput(f"{source}: unknown table [{unknown[0]}]; a desk has {', '.join(_TABLES)}")
    return Desk(
        venues=_entries(raw, "venues", VenueSettings, source),
        accounts=_entries(raw, "accounts", Account, source),
        strategies=_entries(raw, "strategies", StrategyInstance, source),
        limits=_entries(raw, "limits", Limits, source),
        instruments=_entries(raw, "instruments", Instrument, source),
    )


def build(raw: dict[str, Any], source: str) -> Desk:
    """Return the desk in parsed tables; see parse."""
    desk = entries(raw, source)
    for name, instrument in desk.instruments.items():
        if 0 < instrument.amount_max < instrument.amount_min:
            _refuse(
                source,
                f"instruments.{name}",
                f"`amount_max` is {instrument.amount_max}, below `amount_min`, "
                f"which is {instrument.amount_min}; no order fits",
            )
        places = desk_entries.decimals(instrument.tick) + desk_entries.decimals(instrument.lot)
        if places > desk_entries.CASH_DECIMALS:
            _refuse(
                source,
                f"instruments.{name}",
                f"a lot at a price of one `tick` has {places} decimals; cash is "
                f"booked to {desk_entries.CASH_DECIMALS}, so use a larger `lot`",
            )
    for name, venue in desk.venues.items():
        _check_venue(desk, name, venue, source)
    for name in sorted(desk.limits.keys() - desk.accounts.keys()):
        _refuse(source, f"limits.{name}", f"is of no account; there are {sorted(desk.accounts)}")
    for name, account in desk.accounts.items():
        _check_account(desk, name, account, source)
    for name, instance in desk.strategies.items():
        _check_instance(desk, name, instance, source)
    _check_allocations(desk, source)
    return desk


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


def _entries(raw: dict[str, Any], name: str, kind: type[T], source: str) -> dict[str, T]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise BadInput(f"{source}: {name} must be a table of tables, [{name}.<name>]")
    for key in table if name != "instruments" else ():
        if not _NAME.fullmatch(key):
            _refuse(source, f"{name}.{key}", "is no name: use up to 63 letters, digits, `_`, `-` and `.`")
    return {key: _entry(value, f"{name}.{key}", kind, source) for key, value in table.items()}


def _entry(value: Any, path: str, kind: type[T], source: str) -> T:
    try:
        entry = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"{source}: [{path}] {wrong}{_choices(str(wrong), kind)}".replace("`$.", "`")) from wrong
    for reason in desk_entries.out_of_bounds(entry):
        _refuse(source, path, reason)
    return entry


def _choices(wrong: str, kind: type[Any]) -> str:
    """Return what would be right in place of an unknown key or choice."""
    if "unknown field" in wrong:
        return f"; it has {', '.join(kind.__struct_fields__)}"
    (key,) = re.findall(r"`\$\.(\w+)`$", wrong) or [""]
    choices = get_args(get_type_hints(kind).get(key)) if "enum value" in wrong else ()
    return f"; it is one of {', '.join(choices)}" if choices else ""


def _refuse(source: str, path: str, wrong: str) -> None:
    raise BadInput(f"{source}: [{path}] {wrong}")


def _seconds(source: str, path: str, timeframe: str) -> int:
    try:
        return timeframes.seconds(timeframe)
    except BadInput as wrong:
        raise BadInput(f"{source}: [{path}] `timeframe`: {wrong}") from wrong


def _check_venue(desk: Desk, name: str, venue: VenueSettings, source: str) -> None:
    path = f"venues.{name}"
    _seconds(source, path, venue.timeframe)
    if venue.kind == "ccxt" and not venue.exchange:
        _refuse(source, path, 'kind ccxt needs `exchange`, such as exchange = "binance"')
    if not venue.symbols or len(set(venue.symbols)) != len(venue.symbols):
        _refuse(source, path, "`symbols` must name each instrument of the universe once")
    for symbol in venue.symbols:
        spot, _, settled = symbol.partition(":")
        if settled:
            _refuse(
                source,
                path,
                f"`symbols` names {symbol}, a contract that settles in {settled}; only spot is traded, such as {spot}",
            )
        if symbol not in desk.instruments:
            _refuse(
                source,
                path,
                f'`symbols` names {symbol}, which has no [instruments."{symbol}"]; '
                "run `fanfold desk check --refresh` to take it from the venue",
            )


def _check_account(desk: Desk, name: str, account: Account, source: str) -> None:
    path = f"accounts.{name}"
    if account.venue not in desk.venues:
        _refuse(source, path, f"`venue` names {account.venue!r}, which is not one of {sorted(desk.venues)}")
    if name not in desk.limits:
        _refuse(source, f"limits.{name}", "is missing; an account without limits does not trade")
    for symbol in desk.venues[account.venue].symbols:
        quote = desk.instruments[symbol].quote
        if quote != account.currency:
            _refuse(
                source,
                path,
                f"`currency` is {account.currency}, but {symbol} is quoted in {quote}; "
                "there is no conversion, so use one quote currency an account",
            )
        if desk.limits[name].position_notional_max / desk.instruments[symbol].tick >= desk_entries.BELOW:
            _refuse(
                source,
                f"limits.{name}",
                f"`position_notional_max` at a price of one tick of {symbol} is more "
                "than any record holds; lower it, or write the real tick",
            )


def _check_instance(desk: Desk, name: str, instance: StrategyInstance, source: str) -> None:
    path = f"strategies.{name}"
    if instance.account not in desk.accounts:
        _refuse(source, path, f"`account` names {instance.account!r}, which is not one of {sorted(desk.accounts)}")
    venue = desk.venues[desk.accounts[instance.account].venue]
    missing = [symbol for symbol in instance.instruments if symbol not in venue.symbols]
    if missing or not instance.instruments:
        _refuse(source, path, f"`instruments` {missing or '[]'}: choose from the venue's symbols {venue.symbols}")
    if len(set(instance.instruments)) != len(instance.instruments):
        _refuse(source, path, "`instruments` must name each of them once")
    if _seconds(source, path, instance.timeframe) % timeframes.seconds(venue.timeframe):
        _refuse(source, path, f"`timeframe` {instance.timeframe} is no multiple of the venue's {venue.timeframe}")
    try:
        contract.bind(instance.strategy, instance.params, len(instance.instruments))
    except BadInput as wrong:
        _refuse(source, path, str(wrong))


def _check_bundle(desk: Desk, name: str, instance: StrategyInstance, source: str) -> None:
    """Reject a bundle one leg of which can never be ordered, because then none is."""
    if contract.is_bundle(instance.strategy) and desk.accounts[instance.account].kind == "spot":
        wrong = f"{instance.strategy} is short in one of its legs, which a spot account cannot be"
        _refuse(source, f"strategies.{name}", f'{wrong}; give it an account of kind "margin", not {instance.account}')


def _check_allocations(desk: Desk, source: str) -> None:
    for account in desk.accounts:
        shares = [strategy.allocation for strategy in desk.strategies.values() if strategy.account == account]
        if sum(shares, Decimal(0)) > 1:
            wrong = f"they are {[str(share) for share in shares]}"
            _refuse(source, f"accounts.{account}", f"`allocation`s of its strategies must add up to at most 1; {wrong}")
