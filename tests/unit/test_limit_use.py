"""The use of a limit is the figure of its rule: the room that is left can be ordered, and a lot more cannot."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.codes import Code
from fanfold.messages import Order
from fanfold.money import exact, floor_to
from fanfold.risk.context import Context, survey
from fanfold.risk.exposure import AccountSnapshot
from fanfold.risk.limit_use import LimitUse, limits_in_use
from fanfold.risk.policy import prepare
from fanfold.risk.rules import ORDER_RULES
from support.risk_desk import BTC, ETH, NOW, book, desk, held, mark, order

D = Decimal
RULES = {rule.code: rule.check for rule in ORDER_RULES}
LOT = D("0.001")
# A limit, the rule that compares it, and what is the same for all orders: a purchase of BTC at 100.
GROWING = {
    "position_notional_max": Code.POSITION_NOTIONAL,
    "gross_max": Code.GROSS_EXPOSURE,
    "net_max": Code.NET_EXPOSURE,
}


def surveyed(snapshot: AccountSnapshot, **limits: Any) -> Context:
    return survey(snapshot, prepare(desk(**limits)).terms(snapshot.account), {}, NOW)


def use(context: Context, name: str, subject: str = "") -> LimitUse:
    (wanted,) = [each for each in limits_in_use(context) if (each.limit, each.subject) == (name, subject)]
    return wanted


@exact
def passes(context: Context, code: Code, sent: Order) -> bool:
    return RULES[code](context.candidate(sent), context) is None


@given(
    held_lots=st.integers(0, 60_000),
    open_lots=st.integers(0, 20_000),
    limit=st.sampled_from(sorted(GROWING)),
)
def test_what_is_left_can_be_bought_and_a_lot_more_cannot(held_lots: int, open_lots: int, limit: str) -> None:
    position = held(f"{held_lots * LOT}", f"{open_lots * LOT}")
    snapshot = book(held={("m", BTC): position}, cash=D(10_000) - position.cost)
    context = surveyed(snapshot, position_notional_max=D(9_000), gross_max=D("0.9"), net_max=D("0.8"))
    room = use(context, limit, BTC if limit == "position_notional_max" and position.largest else "")
    assert room.left is not None
    assert room.used is not None
    quantity = floor_to(room.left / 100, LOT)
    assert quantity == 0 or passes(context, GROWING[limit], order("buy", f"{quantity:f}"))
    assert not passes(context, GROWING[limit], order("buy", f"{quantity + LOT:f}"))


@pytest.mark.parametrize(("used", "most"), [(0, 20), (19, 20), (20, 20)])
def test_as_many_orders_are_left_as_the_minute_takes(used: int, most: int) -> None:
    context = surveyed(book(minute=int(NOW.timestamp()) // 60, orders_in_minute=used), orders_per_minute_max=most)
    left = use(context, "orders_per_minute_max").left
    assert left == most - used
    assert passes(context, Code.ORDER_RATE, order()) == (left >= 1)


def test_a_minute_that_is_over_leaves_all_its_orders() -> None:
    context = surveyed(book(minute=int(NOW.timestamp()) // 60 - 1, orders_in_minute=20), orders_per_minute_max=20)
    assert use(context, "orders_per_minute_max").used == 0


@pytest.mark.parametrize(
    ("cash", "code", "limit"),
    [("9500", Code.DAILY_LOSS, "daily_loss_max"), ("9499", Code.DAILY_LOSS, "daily_loss_max"),
     ("8000", Code.DRAWDOWN, "drawdown_max"), ("7999", Code.DRAWDOWN, "drawdown_max")],
)  # fmt: skip
def test_a_loss_may_reach_its_limit_and_not_pass_it(cash: str, code: Code, limit: str) -> None:
    context = surveyed(book(cash=D(cash), day="2026-03-01", day_start_equity=D(10_000), peak_equity=D(10_000)))
    broken = use(context, limit)
    assert broken.used == D(10_000) - D(cash)
    assert (broken.share is not None and broken.share <= 1) == passes(context, code, order())


def test_a_gain_uses_nothing_of_the_days_loss() -> None:
    context = surveyed(book(cash=D(11_000), day="2026-03-01", day_start_equity=D(10_000), peak_equity=D(10_000)))
    assert use(context, "daily_loss_max").used == 0
    assert use(context, "drawdown_max").used == 0


def test_cash_of_a_spot_account_is_used_by_what_is_reserved() -> None:
    context = surveyed(book("spot", reserved=D(4_000)))
    cash = use(context, "cash")
    assert (cash.used, cash.left, cash.share) == (D(4_000), D(6_000), D("0.4"))
    enough, more = (order("buy", "1", account="spot", instance="s", reserved=D(amount)) for amount in ("6000", "6001"))
    assert passes(context, Code.CASH, enough)
    assert not passes(context, Code.CASH, more)
    assert not [each for each in limits_in_use(surveyed(book())) if each.limit == "cash"]


def test_without_a_price_equity_is_unknown_and_says_of_what() -> None:
    context = surveyed(book(held={("m", ETH): held("1")}, marks={BTC: mark("100")}))
    for name in ("gross_max", "net_max", "daily_loss_max", "drawdown_max"):
        assert use(context, name).used is None
        assert ETH in use(context, name).why
