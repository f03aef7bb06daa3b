"""The use of each limit of an account: the figures that the rules compare, without an order on top."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from fanfold.desk import Limits
from fanfold.money import ROUGH, ZERO, exact, ratio
from fanfold.risk.context import Context

Unit = Literal["currency", "orders", "seconds", "basis points"]
OF_EACH_ORDER = "it is compared with each order by itself"
STEP = Decimal("0.0001")


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """A limit by its name in the desk file, or ``cash``; ``subject`` is the instrument that it is of, "" for none.

    ``used`` is None where nothing is, or can be, summed; ``why`` says so. ``share`` is ``used`` in parts of ``most``;
    it is over 1 where the limit is broken, and None where there is nothing to divide by.
    """

    limit: str
    unit: Unit
    most: Decimal
    used: Decimal | None
    left: Decimal | None
    share: Decimal | None
    subject: str = ""
    why: str = ""


@exact
def limits_in_use(context: Context) -> list[LimitUse]:
    """Return every limit of an account, with what is used of it as of the context's time."""
    return [*_of_orders(context), *_of_positions(context), *_of_equity(context), *_of_ages(context.terms.limits)]


def _of_orders(context: Context) -> Iterator[LimitUse]:
    limits = context.terms.limits
    yield _absent("order_notional_max", "currency", limits.order_notional_max, OF_EACH_ORDER)
    yield _absent("collar_bps", "basis points", limits.collar_bps, OF_EACH_ORDER)
    yield _use("orders_per_minute_max", "orders", Decimal(limits.orders_per_minute_max), context.orders_in_minute)
    if context.terms.spot:
        yield _use("cash", "currency", context.book.cash, context.reserved)


def _of_positions(context: Context) -> Iterator[LimitUse]:
    most = context.terms.limits.position_notional_max
    for instrument, used in sorted(context.largest.items()):
        if used:
            yield _use("position_notional_max", "currency", most, used, instrument)
    if not any(context.largest.values()):
        yield _use("position_notional_max", "currency", most, ZERO)


def _of_equity(context: Context) -> Iterator[LimitUse]:
    net = max(context.net_highest, -context.net_lowest, ZERO)
    figures = (
        ("gross_max", context.gross_max, context.gross),
        ("net_max", context.net_max, net),
        ("daily_loss_max", context.daily_loss_max, max(context.daily_loss, ZERO)),
        ("drawdown_max", context.drawdown_max, context.drawdown),
    )
    for name, most, used in figures:
        if context.unmarked:
            yield _absent(name, "currency", most, f"equity is not known without a price of {_listed(context.unmarked)}")
        else:
            yield _use(name, "currency", most, used)


def _of_ages(limits: Limits) -> Iterator[LimitUse]:
    yield _absent("signal_age_s_max", "seconds", Decimal(limits.signal_age_s_max), "it is compared with each signal")
    # The age itself grows by the second: who shows it has the marks and a clock.
    yield _absent(
        "bar_age_s_max", "seconds", Decimal(limits.bar_age_s_max), "it is compared with the age of each price"
    )


def _use(name: str, unit: Unit, most: Decimal, used: Decimal | int, subject: str = "") -> LimitUse:
    figure = Decimal(used)
    share = ROUGH.quantize(ratio(figure, most), STEP) if most > 0 else None
    left = max(most - figure, ZERO)
    return LimitUse(limit=name, unit=unit, most=most, used=figure, left=left, share=share, subject=subject)


def _absent(name: str, unit: Unit, most: Decimal, why: str) -> LimitUse:
    return LimitUse(limit=name, unit=unit, most=most, used=None, left=None, share=None, why=why)


def _listed(instruments: frozenset[str]) -> str:
    return ", ".join(sorted(instruments))
