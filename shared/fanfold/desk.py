"""The desk file: one validated text that defines what trades."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
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

    @property
    def shortest_timeframe(self) -> str:
        """The shortest timeframe that a venue has."""
        return min((venue.timeframe for venue in self.venues.values()), key=timeframes.seconds)


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
    wrong = [f"unknown table [{name}]; a desk has {', '.join(_TABLES)}" for name in sorted(raw.keys() - set(_TABLES))]
    parsed = Desk(
        venues=_entries(raw, "venues", VenueSettings, wrong),
        accounts=_entries(raw, "accounts", Account, wrong),
        strategies=_entries(raw, "strategies", StrategyInstance, wrong),
        limits=_entries(raw, "limits", Limits, wrong),
        instruments=_entries(raw, "instruments", Instrument, wrong),
    )
    if wrong:
        raise BadInput(f"{source}: {'; '.join(wrong)}")
    return parsed


def build(raw: dict[str, Any], source: str) -> Desk:
    """Return the desk in parsed tables; see parse."""
    desk = entries(raw, source)
    _check_each(desk.instruments, lambda name, instrument: _check_instrument(name, instrument, source), source)
    _check_each(desk.venues, lambda name, venue: _check_venue(desk, name, venue, source), source)
    for name in sorted(desk.limits.keys() - desk.accounts.keys()):
        _refuse(source, f"limits.{name}", f"is of no account; there are {sorted(desk.accounts)}")
    _check_each(desk.accounts, lambda name, account: _check_account(desk, name, account, source), source)
    _check_each(desk.strategies, lambda name, instance: _check_instance(desk, name, instance, source), source)
    _check_shares_and_legs(desk, source)
    return desk


def _check_each(entries: Mapping[str, T], check: Callable[[str, T], None], source: str) -> None:
    """Check each entry. Raises one BadInput with what is wrong with any of them."""
    wrong: list[str] = []
    for name, entry in entries.items():
        try:
            check(name, entry)
        except BadInput as refused:
            wrong.append(str(refused).removeprefix(f"{source}: "))
    if wrong:
        raise BadInput(f"{source}: {'; '.join(wrong)}")


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
        wrong.append(f"{name} must be a table of tables, [{name}.<name>]")
        return {}
    wrong += [
        f"[{name}.{key}] is no name: use up to 63 letters, digits, `_`, `-` and `.`"
        for key in (table if name != "instruments" else ())
        if not _NAME.fullmatch(key)
    ]
    return {
        key: entry for key, value in table.items() if (entry := _entry(value, f"{name}.{key}", kind, wrong)) is not None
    }


def _entry(value: Any, path: str, kind: type[T], wrong: list[str]) -> T | None:
    """Return an entry, or None where it is none; add what is wrong with it."""
    known = kind.__struct_fields__  # type: ignore[attr-defined]
    unknown = [key for key in value if key not in known] if isinstance(value, dict) else []
    wrong += [f"[{path}] `{key}` is no key of it{_near(key, known)}; it has {', '.join(known)}" for key in unknown]
    rest = {key: value[key] for key in value.keys() - unknown} if unknown else value
    try:
        entry = msgspec.convert(rest, kind, strict=False)
    except msgspec.ValidationError as refused:
        wrong.append(f"[{path}] {refused}{_choices(str(refused), kind)}".replace("`$.", "`"))
        return None
    wrong += [f"[{path}] {reason}" for reason in desk_entries.out_of_bounds(entry)]
    return entry


def _near(key: str, known: Sequence[str]) -> str:
    # Only a mistyped desk file needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    return "".join(f" (did you mean `{near}`?)" for near in get_close_matches(key, known, 1))


def _choices(wrong: str, kind: type[Any]) -> str:
    """Return what would be right in place of an unknown choice."""
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


def _check_instrument(name: str, instrument: Instrument, source: str) -> None:
    path = f"instruments.{name}"
    if 0 < instrument.amount_max < instrument.amount_min:
        _refuse(
            source,
            path,
            f"`amount_max` is {instrument.amount_max}, below `amount_min`, "
            f"which is {instrument.amount_min}; no order fits",
        )
    places = desk_entries.decimals(instrument.tick) + desk_entries.decimals(instrument.lot)
    if places > desk_entries.CASH_DECIMALS:
        _refuse(
            source,
            path,
            f"a lot at a price of one `tick` has {places} decimals; cash is "
            f"booked to {desk_entries.CASH_DECIMALS}, so use a larger `lot`",
        )


def _check_venue(desk: Desk, name: str, venue: VenueSettings, source: str) -> None:
    path = f"venues.{name}"
    _seconds(source, path, venue.timeframe)
    if venue.kind == "ccxt" and not venue.exchange:
        _refuse(source, path, 'kind ccxt needs `exchange`, such as exchange = "binance"')
    if not venue.symbols or len(set(venue.symbols)) != len(venue.symbols):
        _refuse(source, path, "`symbols` must name each instrument of the universe once")
    if len(venue.symbols) > desk_entries.SYMBOLS_MAX:
        wrong = f"names {len(venue.symbols):,} instruments; a venue takes {desk_entries.SYMBOLS_MAX:,}"
        _refuse(source, path, f"`symbols` {wrong}: describe the exchange a second time under another name")
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
    if account.mode == "live" and (desk.venues[account.venue].kind != "ccxt" or account.kind != "spot"):
        wrong = f"its venue is of kind {desk.venues[account.venue].kind}, and it is a {account.kind} account"
        _refuse(source, path, f'mode "live" needs a venue of kind "ccxt" and kind = "spot"; {wrong}')
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


def _check_shares_and_legs(desk: Desk, source: str) -> None:
    for account in desk.accounts:
        own = [strategy for strategy in desk.strategies.values() if strategy.account == account]
        shares = [strategy.allocation for strategy in own]
        if sum(shares, Decimal(0)) > 1:
            wrong = f"they are {[str(share) for share in shares]}"
            _refuse(source, f"accounts.{account}", f"`allocation`s of its strategies must add up to at most 1; {wrong}")
        legs = sum(len(strategy.instruments) for strategy in own)
        if legs > desk_entries.LEGS_MAX:
            wrong = f"its strategies have {legs:,} legs; an account takes {desk_entries.LEGS_MAX:,}"
            _refuse(source, f"accounts.{account}", f"{wrong}: move some of its strategies to another account")
