"""What the figures of a desk file may be: shares at most 1, and every amount such that all records hold it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

# A record's amounts are decimal(38, 18): 20 digits before the point, 18 behind it.
DECIMALS = 18
BELOW = Decimal(10) ** 20
# Cash is booked exactly, in 38 digits: 12 before the point, and as many behind it as a lot at a price of a tick has.
CASH_DECIMALS = 26
# Sums of amounts and what they earn have to fit as well.
AMOUNT_MAX = Decimal(10) ** 15


class Bound(NamedTuple):
    """The most that a figure may be, and what to write instead."""

    most: Decimal
    cure: str


_SHARE = Bound(Decimal(1), "it is a share: 0.05 is 5 %")
_RATE = Bound(Decimal(10_000), "it is in basis points: 10 are 0.1 %")
_MULTIPLE = Bound(Decimal(100), "it is a multiple of equity: 1.5 is 150 %")
_SECONDS = Bound(Decimal(366 * 86_400), "it is in seconds")
_COUNT = Bound(Decimal(10_000), "more are never sent")
_AMOUNT = Bound(AMOUNT_MAX, "no record holds more")
_BOUNDS = {
    "daily_loss_max": _SHARE,
    "drawdown_max": _SHARE,
    "participation_max": _SHARE,
    "allocation": _SHARE,
    "band": _SHARE,
    "jump_max": _SHARE,
    "volatility": Bound(Decimal(10), "it is a yearly volatility: 0.6 is 60 %"),
    "gross_max": _MULTIPLE,
    "net_max": _MULTIPLE,
    "grace_s": Bound(Decimal(10), "a poll has to end before the next one"),
    "order_ttl_s": _SECONDS,
    "bar_age_s_max": _SECONDS,
    "signal_age_s_max": _SECONDS,
    "orders_per_minute_max": _COUNT,
}
# The only figure that may be below zero: some venues pay makers.
_SIGNED = {"maker_bps"}
_ABOVE_ZERO = {"jump_max", "tick", "lot", "order_ttl_s", "cash", "allocation", "participation_max"}


def wrong(entry: Any) -> Iterator[str]:
    """What is wrong with the figures of an entry, each by its key."""
    fields: dict[str, Any] = msgspec.structs.asdict(entry)
    for key, value in fields.items():
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            yield from (f"`{key}` is {value}; {why}" for why in _reasons(key, value))


def _reasons(key: str, given: Decimal | int) -> Iterator[str]:
    value = Decimal(given)
    # A figure that is no number cannot even be compared.
    if not value.is_finite():
        yield "it must be a finite number"
        return
    bound = _bound(key)
    if value < 0 and key not in _SIGNED:
        yield "it must not be below zero"
    if value == 0 and key in _ABOVE_ZERO:
        yield "it must be above zero"
    if not -bound.most <= value <= bound.most:
        yield f"it must be at most {bound.most:,f}: {bound.cure}"
    elif decimals(value) > DECIMALS:
        yield f"it must not have more than {DECIMALS} decimals: no record holds more"


def decimals(value: Decimal) -> int:
    """Digits behind the point, of a number that may be written with an exponent of any size."""
    _, digits, exponent = value.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -int(exponent) - zeros if any(digits) else 0


def _bound(key: str) -> Bound:
    return _RATE if key.endswith("_bps") else _BOUNDS.get(key, _AMOUNT)
