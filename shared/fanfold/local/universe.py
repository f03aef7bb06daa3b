"""Adapt a desk's tables to the instruments of the data: its venues, accounts and strategies.

Each function changes the tables in place and adds a line to ``notes`` for what a user should know of it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.importers.data_files import DataFile
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import CASH_STEP, ROUGH, amount, ratio, truncate_to
from fanfold.simulation import market
from fanfold.strategy import contract

NOTIONALS = {"order_notional_max", "position_notional_max"}
# What a strategy earns it trades with, and over years that is many times what it began with.
GROWTH_MAX = 1_000
# All cash, and room for one instrument to be bought while another is being sold.
EXPOSURE_OF_ALL_CASH = Decimal("1.5")
EXPOSURES = {"gross_max", "net_max"}
# Currencies that are taken to be worth the same.
DOLLARS = {"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI"}
Tables = dict[str, Any]


def seeded(raw: Tables, notes: list[str]) -> list[str]:
    """Return the instruments of all venues, after making the real venues replay the seeded market."""
    for name, venue in _venues(raw).items():
        if venue.get("kind") == "ccxt":
            notes.append(
                f"{name} plays the seeded market; `fanfold run --live {venue.get('exchange')}` asks the real one"
            )
            venue["kind"] = "replay"
    return list(dict.fromkeys(symbol for venue in _venues(raw).values() for symbol in venue.get("symbols", [])))


def fit(raw: Tables, files: Sequence[DataFile], notes: list[str]) -> list[Recording]:
    """Make the files the venues' instruments, and return the recordings of those that are traded.

    A desk's only venue takes all files; of several venues, each takes those that it names. The desk's rules of an
    instrument hold, and of one that it does not know those that its file tells.
    """
    symbols = [file.recording.instrument for file in files]
    lengths = {file.recording.timeframe for file in files}
    if len(lengths) > 1:
        raise BadInput(f"files of one run need one timeframe; these have {', '.join(sorted(lengths))}")
    timeframe = lengths.pop()
    venues = _venues(raw)
    taken = {name: [symbol for symbol in symbols if len(venues) == 1 or symbol in venue.get("symbols", [])]
             for name, venue in venues.items()}  # fmt: skip
    raw["venues"] = {name: {**venues[name], "kind": "replay", "symbols": own, "timeframe": timeframe}
                     for name, own in taken.items() if own}  # fmt: skip
    known = raw.get("instruments", {})
    raw["instruments"] = {
        symbol: _rules(known.get(symbol), file, notes) for symbol, file in zip(symbols, files, strict=True)
    }
    _leave_out(raw, [name for name, own in taken.items() if not own], symbols, notes)
    retarget(raw, timeframe, notes)
    traded = {symbol for own in taken.values() for symbol in own}
    notes += [f"{symbol} is not traded: no venue of the desk names it" for symbol in symbols if symbol not in traded]
    return [file.recording for file in files if file.recording.instrument in traded]


def _rules(own: Any, file: DataFile, notes: list[str]) -> Tables:
    """Return the rules of a file's instrument: its desk's, unless they are those of the seeded market."""
    symbol, inferred = file.recording.instrument, msgspec.to_builtins(file.instrument)
    if not isinstance(own, dict) or _are_seeded(own, symbol):
        return dict(inferred)
    finer = {step: inferred[step] for step in ("tick", "lot") if not _is_same(own.get(step), inferred[step])}
    if finer:
        differ = ", ".join(
            f"{step} {own.get(step)} and not {amount(Decimal(file_step))}" for step, file_step in finer.items()
        )
        notes.append(f"{symbol} has the desk file's rules, not those that its bars look like: {differ}")
    return {**inferred, **own}


def _are_seeded(rules: Tables, symbol: str) -> bool:
    made_up = market.catalogue().get(symbol)
    steps = "tick", "lot", "notional_min"
    return made_up is not None and all(_is_same(rules.get(step), getattr(made_up, step)) for step in steps)


def _is_same(own: Any, other: Any) -> bool:
    """Return whether two amounts are one, however they are written: 0.00000001 is 1E-8."""
    try:
        return Decimal(str(own)) == Decimal(str(other))
    except InvalidOperation:
        # What is no number is refused once the desk is built.
        return False


def one_venue(raw: Tables, exchange: str, instruments: Mapping[str, Instrument], notes: list[str]) -> None:
    """Replace the desk's only venue by an exchange with these instruments. Raises BadInput for several venues."""
    venues = _venues(raw)
    if len(venues) > 1:
        raise BadInput(
            f"--live trades one venue, and the desk has {len(venues)}: {', '.join(venues)}; name a desk file with one"
        )
    (name,) = venues
    raw["venues"] = {name: {"kind": "ccxt", "exchange": exchange, "symbols": list(instruments), "timeframe": "1m"}}
    raw["instruments"] = {symbol: msgspec.to_builtins(rules) for symbol, rules in instruments.items()}
    retarget(raw, "1m", notes)


def retarget(raw: Tables, timeframe: str, notes: list[str]) -> None:
    """Let each strategy instance trade instruments that its venue has, and drop one that needs more than there are."""
    kept: Tables = {}
    for name, instance in raw.get("strategies", {}).items():
        symbols = _symbols(raw, instance.get("account", ""))
        wanted = [symbol for symbol in instance.get("instruments", []) if symbol in symbols]
        whole = len(wanted) == len(instance.get("instruments", []))
        fitted = wanted if whole else fitting(instance.get("strategy", ""), symbols)
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


def set_cash(raw: Tables, cash: Decimal | None, notes: list[str]) -> None:
    """Set the cash of every account, and scale its limits in money with it; None leaves them as they are."""
    if cash is None:
        return
    for name, account in raw.get("accounts", {}).items():
        share = ratio(cash, _decimal(account.get("cash", cash)))
        account["cash"] = cash
        limits = raw.get("limits", {}).get(name, {})
        for key in NOTIONALS & limits.keys():
            limits[key] = truncate_to(ROUGH.multiply(_decimal(limits[key]), share), CASH_STEP)
        notes.append(f"account {name} begins with {cash:f}, and its limits are in the same measure")


def on_paper(raw: Tables, notes: list[str]) -> None:
    """Let live accounts trade on paper: a desk on this machine sends no real orders."""
    for name, account in raw.get("accounts", {}).items():
        if account.get("mode") == "live":
            account["mode"] = "paper"
            notes.append(f"account {name} is live in the desk file; here it trades on paper")


def keep_in_quote(raw: Tables, cash: Decimal | None, notes: list[str]) -> None:
    """Set each account's currency to the quote of its venue's instruments.

    Raises BadInput where the account's cash is not worth the same in that currency and ``cash`` is not set.
    """
    for name, account in raw.get("accounts", {}).items():
        quotes = {raw["instruments"][symbol]["quote"] for symbol in _symbols(raw, name)}
        kept = account.get("currency")
        if len(quotes) != 1 or quotes == {kept}:
            continue  # Of several, the desk's own check names the account and the instrument.
        (quote,) = quotes
        if cash is None and not {kept, quote} <= DOLLARS:
            raise BadInput(
                f"the data is quoted in {quote}, and account {name} has {account.get('cash')} {kept}: say "
                f"how much {quote} it is to begin with, such as --cash 10"
            )
        account["currency"] = quote
        notes.append(f"account {name} is kept in {quote}, as the data is quoted in it")


def new_instance(raw: Tables, strategy: str, notes: list[str]) -> Tables:
    """Return an instance of a strategy with all cash of the first account, and widen that account's limits to it.

    A desk's limits are for the shares that its own instances have, and would refuse what all cash wants.
    """
    accounts: dict[str, Tables] = raw.get("accounts", {})
    if not accounts:
        raise BadInput("the desk has no account to trade with: add [accounts.main]")
    account, money = next(iter(accounts.items()))
    symbols = _symbols(raw, account)
    fitted = fitting(strategy, symbols)
    if not fitted:
        raise BadInput(f"{strategy} needs more instruments than the {len(symbols)} that there are")
    if contract.is_bundle(strategy) and money.get("kind", "spot") == "spot":
        raise BadInput(
            f"{strategy} is short in one of its legs, which the spot account {account} cannot be; "
            f'give it kind = "margin" in [accounts.{account}]'
        )
    limits = raw.get("limits", {}).get(account, {})
    for key in NOTIONALS:
        limits[key] = max(_decimal(limits.get(key, 0)), _decimal(money.get("cash", 0)) * GROWTH_MAX)
    for key in EXPOSURES:
        limits[key] = max(_decimal(limits.get(key, 0)), EXPOSURE_OF_ALL_CASH)
    notes.append(
        f"{strategy} trades with all cash of {account}; it is no instance of the desk, so the limits on its orders, "
        f"positions and exposure are widened to {GROWTH_MAX:,} times that cash and {EXPOSURE_OF_ALL_CASH} times equity"
    )
    timeframe = _venues(raw).get(money.get("venue", ""), {}).get("timeframe", "1m")
    return {"strategy": strategy, "instruments": fitted, "timeframe": timeframe, "account": account, "allocation": 1}


def fitting(strategy: str, symbols: list[str]) -> list[str]:
    """Return the instruments that a strategy trades: as many of ``symbols`` as it takes, or none if too few."""
    count = contract.instruments_of(strategy) if strategy in contract.names() else None
    if count is None:
        return symbols
    return symbols[:count] if len(symbols) >= count else []


def _venues(raw: Tables) -> dict[str, Tables]:
    venues: dict[str, Tables] = raw.get("venues", {})
    if not venues:
        raise BadInput("the desk has no venue to trade at: add [venues.market]")
    return venues


def _symbols(raw: Tables, account: str) -> list[str]:
    """Return the instruments of an account's venue; [] for an unknown account or venue, which desk.build reports."""
    venue = raw.get("accounts", {}).get(account, {}).get("venue", "")
    return list(_venues(raw).get(venue, {}).get("symbols", []))


def _leave_out(raw: Tables, venues: list[str], symbols: list[str], notes: list[str]) -> None:
    """Remove venues from the desk, with their accounts, limits and strategies."""
    if not raw["venues"]:
        raise BadInput(
            f"no venue of the desk names what the data holds ({', '.join(symbols)}): name data of "
            "theirs, or a desk file with one venue, which takes any"
        )
    for venue in venues:
        gone = [name for name, account in raw.get("accounts", {}).items() if account.get("venue") == venue]
        for name in gone:
            raw["accounts"].pop(name)
            raw.get("limits", {}).pop(name, None)
        kept = {
            name: strategy
            for name, strategy in raw.get("strategies", {}).items()
            if strategy.get("account") not in gone
        }
        raw["strategies"] = kept
        notes.append(
            f"venue {venue} is left out, with {', '.join(gone) or 'no account'}: none of its instruments are "
            "in the data"
        )


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))
