"""The entries of a desk file: every key with its help, and the bounds of its figures.

``docs/desk-file.md`` is generated from here. Shares are at most 1, and every amount fits into all records.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, cast, get_args, get_origin

import msgspec

from fanfold.errors import near, shown


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source of bars: an exchange that is polled, or recorded bars that are replayed."""

    kind: Annotated[
        Literal["ccxt", "replay"], msgspec.Meta(description="`ccxt` polls an exchange, `replay` reads recorded bars")
    ]
    exchange: Annotated[
        str, msgspec.Meta(description="The exchange by its ccxt id, such as `binance`; required by kind `ccxt`")
    ] = ""
    symbols: Annotated[
        list[str], msgspec.Meta(description="The universe: every instrument to fetch, once, each under `instruments`")
    ]
    timeframe: Annotated[
        str, msgspec.Meta(description="The shortest bars to fetch; longer ones are built from them")
    ] = "1m"
    jump_max: Annotated[
        Decimal,
        msgspec.Meta(description="Largest move from close to close; a larger one waits for the next bar to confirm it"),
    ] = Decimal("0.25")
    grace_s: Annotated[
        int,
        msgspec.Meta(
            description="Delay after its close until the newest bar counts as closed, by the exchange's clock"
        ),
    ] = 2


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash and positions at one venue."""

    venue: Annotated[str, msgspec.Meta(description="The entry under `venues` whose bars fill and value the account")]
    mode: Annotated[
        Literal["paper", "live"],
        msgspec.Meta(
            description="Where orders go: `paper`, or `live` to the exchange, in the stage that names the venue; "
            "elsewhere on paper. `live` needs a venue of kind `ccxt` and an account of kind `spot`"
        ),
    ] = "paper"
    kind: Annotated[Literal["spot", "margin"], msgspec.Meta(description="`spot` cannot short, `margin` can")] = "spot"
    currency: Annotated[
        str, msgspec.Meta(description="The currency of cash and equity; every instrument must be quoted in it")
    ]
    cash: Annotated[Decimal, msgspec.Meta(description="Starting cash, in the account's currency")]
    taker_bps: Annotated[Decimal, msgspec.Meta(description="Fee of a fill that takes liquidity, on its notional")] = (
        Decimal(10)
    )
    maker_bps: Annotated[
        Decimal, msgspec.Meta(description="Fee of a fill that makes liquidity; negative is a rebate")
    ] = Decimal(10)
    spread_bps: Annotated[
        Decimal, msgspec.Meta(description="Spread between bid and ask on paper; a market order pays half")
    ] = Decimal(2)
    slippage_bps: Annotated[
        Decimal, msgspec.Meta(description="Price impact of a market order on paper, added to half the spread")
    ] = Decimal(1)
    participation_max: Annotated[
        Decimal, msgspec.Meta(description="The largest part of a bar's volume that orders may fill on paper")
    ] = Decimal("0.1")
    stops: Annotated[
        Literal["closes", "bars"],
        msgspec.Meta(description="Where stops, trails and profits act on paper: at `closes`, or inside `bars`"),
    ] = "closes"


class StrategyInstance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy with its params, instruments and account."""

    strategy: Annotated[str, msgspec.Meta(description="The strategy's name, such as `sma_cross`")]
    params: Annotated[
        dict[str, Any], msgspec.Meta(description="Values for the strategy's params; those left out keep their defaults")
    ] = {}
    instruments: Annotated[
        list[str], msgspec.Meta(description="The instruments to trade, from the symbols of the account's venue")
    ]
    timeframe: Annotated[str, msgspec.Meta(description="The bars to step on; a multiple of the venue's timeframe")]
    allocation: Annotated[
        Decimal,
        msgspec.Meta(description="Share of the account's starting cash; those of an account add up to at most 1"),
    ]
    account: Annotated[str, msgspec.Meta(description="The entry under `accounts` to trade on")]
    band: Annotated[
        Decimal,
        msgspec.Meta(
            description="No-trade band around the target, a share of the leg's equity; exits are always traded"
        ),
    ] = Decimal("0.1")
    volatility: Annotated[
        Decimal, msgspec.Meta(description="Scale weights to this yearly volatility; 0 uses them as they are")
    ] = Decimal(0)
    stop: Annotated[
        Decimal,
        msgspec.Meta(
            description="Stop-loss, as a share of the entry cost: 0.02 closes a long 2 % below it; 0 is none. What "
            "the strategy asks for itself takes the place of `stop`, `take_profit` and `trail`"
        ),
    ] = Decimal(0)
    take_profit: Annotated[
        Decimal, msgspec.Meta(description="Take-profit, as a share of the entry cost; 0 is none")
    ] = Decimal(0)
    trail: Annotated[
        Decimal, msgspec.Meta(description="Trailing stop, as a share of the best close since entry; 0 is none")
    ] = Decimal(0)
    order: Annotated[
        Literal["market", "limit", "post-only"],
        msgspec.Meta(
            description="`market` sends an IOC limit order at most `collar_bps` from the last close: it never fills "
            "beyond that, and the rest is sent again at the next poll. `limit` rests at the last close; `post-only` "
            "too, but an entry that would take liquidity is cancelled"
        ),
    ] = "market"
    order_ttl_s: Annotated[int, msgspec.Meta(description="How long an order may stay open before it expires")] = 300
    slices: Annotated[int, msgspec.Meta(description="Divide a change of a position into at most this many orders")] = 1
    slices_over_s: Annotated[int, msgspec.Meta(description="Spread the slices evenly over this many seconds")] = 0


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pre-trade limits of an account; each may be met exactly."""

    order_notional_max: Annotated[
        Decimal, msgspec.Meta(description="Largest notional of one order, in the account's currency")
    ]
    position_notional_max: Annotated[
        Decimal, msgspec.Meta(description="Largest notional of an instrument, in the account's currency")
    ]
    gross_max: Annotated[Decimal, msgspec.Meta(description="Largest sum of absolute exposures")] = Decimal(1)
    net_max: Annotated[Decimal, msgspec.Meta(description="Largest absolute net exposure")] = Decimal(1)
    orders_per_minute_max: Annotated[int, msgspec.Meta(description="Most orders in one minute")] = 20
    daily_loss_max: Annotated[
        Decimal,
        msgspec.Meta(
            description="Largest loss since the start of the UTC day, of equity then; beyond it only reductions pass"
        ),
    ] = Decimal("0.05")
    drawdown_max: Annotated[
        Decimal, msgspec.Meta(description="Largest fall of equity from its peak; beyond it only reductions pass")
    ] = Decimal("0.2")
    collar_bps: Annotated[
        Decimal, msgspec.Meta(description="Price collar: how far from the last close an order may fill")
    ] = Decimal(200)
    bar_age_s_max: Annotated[int, msgspec.Meta(description="Oldest bar that may still be used as a mark")] = 180
    signal_age_s_max: Annotated[int, msgspec.Meta(description="Oldest target that may still become an order")] = 120


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue's rules for an instrument; `fanfold desk check --refresh` fetches them."""

    base: Annotated[str, msgspec.Meta(description="The currency that is bought and sold")]
    quote: Annotated[str, msgspec.Meta(description="The currency that prices are in")]
    tick: Annotated[Decimal, msgspec.Meta(description="Smallest step of a price, in quote")]
    lot: Annotated[Decimal, msgspec.Meta(description="Smallest step of a quantity, in base")]
    notional_min: Annotated[Decimal, msgspec.Meta(description="Smallest notional of an order, in quote")]
    amount_min: Annotated[
        Decimal, msgspec.Meta(description="Smallest quantity of an order, in base; 0 means no minimum")
    ] = Decimal(0)
    amount_max: Annotated[
        Decimal, msgspec.Meta(description="Largest quantity of an order, in base; 0 means no maximum")
    ] = Decimal(0)
    as_of: Annotated[str, msgspec.Meta(description="The date on which the rules were fetched")]
    source: Annotated[str, msgspec.Meta(description="Where the rules were fetched from")]


# A record's amounts are decimal(38, 18): 20 digits before the point, 18 behind it.
DECIMALS = 18
BELOW = Decimal(10) ** 20
# Cash is booked exactly, in 38 digits: 12 before the point, and as many behind it as a lot at a price of a tick has.
CASH_DECIMALS = 26
# Sums of amounts and what they earn have to fit as well.
AMOUNT_MAX = Decimal(10) ** 15
# What an account's poll holds is one item of its table, which takes 400 KB: a target and what stands of it, a leg, and
# a mark an instrument.
LEGS_MAX = 3_000
SYMBOLS_MAX = 4_000


class Bound(NamedTuple):
    """The unit of a figure, the most that it may be, and a hint for whoever wrote more."""

    unit: str
    most: Decimal
    cure: str


_SHARE = Bound("share", Decimal(1), "it is a share: 0.05 is 5 %")
_RATE = Bound("basis points", Decimal(10_000), "it is in basis points: 10 are 0.1 %")
_MULTIPLE = Bound("multiple of equity", Decimal(100), "it is a multiple of equity: 1.5 is 150 %")
_SECONDS = Bound("seconds", Decimal(366 * 86_400), "it is in seconds")
_COUNT = Bound("count", Decimal(10_000), "more are never sent")
_AMOUNT = Bound("amount", AMOUNT_MAX, "no record holds more")
_BOUNDS = {
    "daily_loss_max": _SHARE,
    "drawdown_max": _SHARE,
    "participation_max": _SHARE,
    "allocation": _SHARE,
    "band": _SHARE,
    "stop": _SHARE,
    "trail": _SHARE,
    "take_profit": Bound("share", Decimal(100), "it is a share: 0.05 is 5 %"),
    "jump_max": _SHARE,
    "volatility": Bound("share a year", Decimal(10), "it is a yearly volatility: 0.6 is 60 %"),
    "gross_max": _MULTIPLE,
    "net_max": _MULTIPLE,
    "grace_s": Bound("seconds", Decimal(10), "a poll has to end before the next one"),
    "slices": Bound("orders", Decimal(20), "one approval has to hold them all"),
    "slices_over_s": Bound("seconds", Decimal(86_400), "it is in seconds, at most a day"),
    "orders_per_minute_max": _COUNT,
}
# The only figure that may be below zero: some venues pay makers.
SIGNED = {"maker_bps"}
ABOVE_ZERO = {"jump_max", "tick", "lot", "order_ttl_s", "slices", "cash", "allocation", "participation_max"}


T = TypeVar("T")
_KINDS = {
    Decimal: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text in quotes",
    list: 'a list of texts, such as ["BTC/USDT"]',
    dict: "a table, such as { fast = 10 }",
}


def read(kind: type[T], raw: object) -> tuple[T | None, list[str]]:
    """Return the entry that a table holds, None where it holds none, and all that is wrong with it."""
    if not isinstance(raw, dict):
        return None, [f"is {shown(raw)}; it must be a table of its own"]
    fields: tuple[msgspec.structs.FieldInfo, ...] = msgspec.structs.fields(cast("Any", kind))
    known = [field.name for field in fields]
    wrong = [f"`{key}` is no key of it{near(key, known)}; it has {', '.join(known)}" for key in raw if key not in known]
    values: dict[str, Any] = {}
    for field in fields:
        try:
            if field.name in raw:
                values[field.name] = msgspec.convert(raw[field.name], field.type)
            elif field.required:
                meta = field.type.__metadata__[0]
                wrong.append(f"`{field.name}` is missing: {meta.description[0].lower()}{meta.description[1:]}")
        except msgspec.ValidationError:
            wrong.append(f"`{field.name}` is {shown(raw[field.name])}; it must be {_kind(field.type)}")
    wrong += _out_of_bounds(values)
    whole = all(field.name in values or not (field.required or field.name in raw) for field in fields)
    return kind(**values) if whole else None, wrong


def _kind(hint: Any) -> str:
    plain = get_args(hint)[0]
    if get_origin(plain) is Literal:
        return f"one of {', '.join(get_args(plain))}"
    return _KINDS[get_origin(plain) or plain]


def _out_of_bounds(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield each figure of an entry that is out of bounds, by its key, with the reason."""
    for key, value in fields.items():
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            yield from (f"`{key}` is {value}; {why}" for why in _reasons(key, value))


def _reasons(key: str, figure: Decimal | int) -> Iterator[str]:
    value = Decimal(figure)
    # A figure that is no number cannot even be compared.
    if not value.is_finite():
        yield "it must be a finite number"
        return
    bound = bound_of(key)
    if value < 0 and key not in SIGNED:
        yield "it must not be below zero"
    if value == 0 and key in ABOVE_ZERO:
        yield "it must be above zero"
    if not -bound.most <= value <= bound.most:
        yield f"it must be at most {bound.most:,f}: {bound.cure}"
    elif decimals(value) > DECIMALS:
        yield f"it must not have more than {DECIMALS} decimals: no record holds more"


def decimals(value: Decimal) -> int:
    """Return the digits behind the point of a number that may be written with an exponent of any size."""
    _, digits, exponent = value.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -int(exponent) - zeros if any(digits) else 0


def bound_of(key: str) -> Bound:
    """Return the unit and the maximum of a figure, by its key."""
    usual = _RATE if key.endswith("_bps") else _SECONDS if key.endswith(("_s", "_s_max")) else _AMOUNT
    return _BOUNDS.get(key, usual)
