from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from fanfold.codes import Code
from fanfold.messages import Order, Target, TradingState
from fanfold.money import exact
from fanfold.risk.context import Context, survey
from fanfold.risk.exposure import AccountSnapshot
from fanfold.risk.policy import DeskPolicy, prepare
from fanfold.risk.rules import ORDER_RULES, TARGET_RULES
from support.risk_desk import AT, BTC, ETH, NOW, book, desk, held, instrument, mark, order, target

D = Decimal


class Case(NamedTuple):
    """A target or an order, its book and its desk, and whether the rule refuses it."""

    code: Code
    refuses: bool
    subject: Target | Order
    snapshot: AccountSnapshot = book()
    plan: DeskPolicy = prepare(desk())
    late_s: int = 2


def plan(**limits: Any) -> DeskPolicy:
    return prepare(desk(**limits))


VOLATILE = prepare(desk({"volatility": D("0.5")}))
WITHOUT_LIMITS = prepare(msgspec.structs.replace(desk(), limits={}))
WITHOUT_ETH_RULES = prepare(msgspec.structs.replace(desk(), instruments={BTC: desk().instruments[BTC]}))
OLD_ETH = {BTC: mark("100"), ETH: mark("10", age_s=179)}
AT_VENUE = msgspec.structs.replace(
    desk(), accounts={name: msgspec.structs.replace(each, mode="live") for name, each in desk().accounts.items()}
)
LIVE = prepare(AT_VENUE)
LIVE_WITHOUT_ETH_RULES = prepare(msgspec.structs.replace(AT_VENUE, instruments={BTC: desk().instruments[BTC]}))
LEAST_ONE = prepare(
    msgspec.structs.replace(desk(), instruments=desk().instruments | {BTC: instrument(BTC, amount_min=D(1))})
)
ONLY_BTC = {BTC: mark("100")}
SPOT = {"account": "spot", "instance": "s"}
NAN = float("nan")


def owned(quantity: str, pending: str = "0", **changes: Any) -> AccountSnapshot:
    """A margin book with a leg of BTC, worth ten thousand in all."""
    cash = D(10_000) - D(quantity) * 100
    return book(held={("m", BTC): held(quantity, pending)}, **({"cash": cash} | changes))


def halted(halt: TradingState | None) -> AccountSnapshot:
    return book(trading_state=halt)


def lost(day: str, peak: str) -> AccountSnapshot:
    return book(day="2026-03-01", day_start_equity=D(day), peak_equity=D(peak))


def bought(quantity: str, **changes: Any) -> Order:
    return order("buy", quantity, **changes)


def sold(quantity: str, **changes: Any) -> Order:
    return order("sell", quantity, **changes)


REDUCING = sold("1", reduce_only=True)
CASES = [
    Case(Code.UNKNOWN_ACCOUNT, False, target(1)),
    Case(Code.UNKNOWN_ACCOUNT, True, target(1), book("other")),
    Case(Code.UNKNOWN_ACCOUNT, True, target(1), plan=WITHOUT_LIMITS),
    Case(Code.UNKNOWN_INSTANCE, False, target(1)),
    Case(Code.UNKNOWN_INSTANCE, True, target(1, instance="other")),
    Case(Code.UNKNOWN_INSTANCE, True, target(1, instance="s")),
    Case(Code.UNKNOWN_INSTRUMENT, False, target(1, instrument=ETH)),
    Case(Code.UNKNOWN_INSTRUMENT, True, target(1, instrument="XRP/USDT")),
    Case(Code.UNKNOWN_INSTRUMENT, True, target(1, instrument=ETH), plan=WITHOUT_ETH_RULES),
    Case(Code.BAD_TARGET, False, target(1.0)),
    Case(Code.BAD_TARGET, False, target(-1.0)),
    Case(Code.BAD_TARGET, True, target(1.0000001)),
    Case(Code.BAD_TARGET, True, target(-1.0000001)),
    Case(Code.BAD_TARGET, True, target(NAN)),
    Case(Code.BAD_TARGET, True, target(float("inf"))),
    Case(Code.MISSING_DATA, False, target(1)),
    Case(Code.MISSING_DATA, True, target(1, instrument=ETH), book(marks=ONLY_BTC)),
    Case(Code.MISSING_DATA, True, target(0, instrument=ETH), book(marks=ONLY_BTC)),
    Case(Code.MISSING_DATA, True, target(1), book(marks={BTC: mark("0")})),
    Case(Code.MISSING_DATA, True, target(1), book(marks={BTC: mark("-1")})),
    Case(Code.MISSING_DATA, True, target(1), book(marks={BTC: mark("NaN")})),
    Case(Code.MISSING_DATA, True, target(1), book(marks=ONLY_BTC, held={("n", ETH): held("1")})),
    Case(Code.MISSING_DATA, True, target(1), book(marks=ONLY_BTC, held={("n", ETH): held("0", "1")})),
    Case(Code.MISSING_DATA, False, target(1), book(marks=ONLY_BTC, held={("n", ETH): held("0")})),
    Case(Code.MISSING_DATA, False, target(0), book(marks=ONLY_BTC, held={("n", ETH): held("1")})),
    Case(Code.MISSING_DATA, True, target(1), plan=VOLATILE),
    Case(Code.MISSING_DATA, True, target(1), book(marks={BTC: mark("1", variance=NAN)}), VOLATILE),
    Case(Code.MISSING_DATA, False, target(0), plan=VOLATILE),
    Case(Code.MISSING_DATA, False, target(1), book(marks={BTC: mark("1", variance=1e-6)}), VOLATILE),
    Case(Code.KILL_STATE, False, bought("1")),
    Case(Code.KILL_STATE, True, bought("1"), halted(None)),
    Case(Code.KILL_STATE, True, REDUCING, halted(None)),
    Case(Code.KILL_STATE, True, bought("1"), halted(TradingState.HALTED)),
    Case(Code.KILL_STATE, True, REDUCING, halted(TradingState.HALTED)),
    Case(Code.KILL_STATE, True, bought("1"), halted(TradingState.REDUCE_ONLY)),
    Case(Code.KILL_STATE, False, REDUCING, halted(TradingState.REDUCE_ONLY)),
    Case(Code.KILL_STATE, True, bought("1"), halted(TradingState.FLATTENING)),
    Case(Code.KILL_STATE, False, REDUCING, halted(TradingState.FLATTENING)),
    Case(Code.FROZEN, True, bought("1"), book(frozen={BTC: "an order of unknown outcome"})),
    Case(Code.FROZEN, False, bought("1"), book(frozen={ETH: "an order of unknown outcome"})),
    Case(Code.STALE_SIGNAL, False, bought("1"), late_s=120),
    Case(Code.STALE_SIGNAL, True, bought("1"), late_s=121),
    Case(Code.STALE_SIGNAL, True, bought("1"), late_s=-121),
    Case(Code.STALE_BAR, False, bought("1"), book(marks={BTC: mark("100", age_s=178)})),
    Case(Code.STALE_BAR, True, bought("1"), book(marks={BTC: mark("100", age_s=179)})),
    Case(Code.STALE_BAR, True, bought("1"), book(marks={BTC: mark("100", age_s=-183)})),
    Case(Code.STALE_BAR, True, bought("1"), book(held={("n", ETH): held("1")}, marks=OLD_ETH)),
    Case(Code.STALE_BAR, False, bought("1"), book(held={("n", ETH): held("0")}, marks=OLD_ETH)),
    Case(Code.STALE_BAR, True, bought("1"), book(held={("n", ETH): held("1")}, marks=OLD_ETH), plan=LIVE),
    Case(Code.STALE_BAR, False, bought("1"), book(held={("n", ETH): held("0.0004")}, marks=OLD_ETH), plan=LIVE),
    Case(Code.STALE_BAR, True, bought("1"), book(held={("n", ETH): held("0.0004", "1")}, marks=OLD_ETH), plan=LIVE),
    Case(
        Code.STALE_BAR,
        True,
        bought("1"),
        book(held={("n", ETH): held("0.0004")}, marks=OLD_ETH),
        plan=LIVE_WITHOUT_ETH_RULES,
    ),
    Case(Code.OPPOSING_ORDER, False, bought("1"), owned("0", "5")),
    Case(Code.OPPOSING_ORDER, True, bought("1"), owned("0", "-0.001")),
    Case(Code.OPPOSING_ORDER, True, sold("1"), owned("2", "0.001")),
    Case(Code.OPPOSING_ORDER, False, sold("1"), owned("2", "-1")),
    Case(Code.SPOT_SHORT, False, sold("2", **SPOT), book("spot", held={("s", BTC): held("2")})),
    Case(Code.SPOT_SHORT, True, sold("2.001", **SPOT), book("spot", held={("s", BTC): held("2")})),
    Case(Code.SPOT_SHORT, True, sold("1.001", **SPOT), book("spot", held={("s", BTC): held("2", "-1")})),
    Case(Code.SPOT_SHORT, True, sold("0.001", **SPOT), book("spot", held={("t", BTC): held("2")})),
    Case(Code.SPOT_SHORT, False, sold("2.001")),
    Case(Code.LOT_STEP, False, bought("0.001")),
    Case(Code.LOT_STEP, True, bought("0.0015")),
    Case(Code.LOT_STEP, True, bought("0")),
    Case(Code.LOT_STEP, True, bought("-1")),
    Case(Code.TICK_STEP, False, bought("1")),
    Case(Code.TICK_STEP, False, bought("1", limit_price=D("99.99"))),
    Case(Code.TICK_STEP, True, bought("1", limit_price=D("99.995"))),
    Case(Code.TICK_STEP, True, bought("1", limit_price=D(0))),
    Case(Code.TICK_STEP, True, sold("1", stop_price=D("90.001"))),
    Case(Code.NOTIONAL_MIN, False, bought("0.05")),
    Case(Code.NOTIONAL_MIN, True, bought("0.049")),
    Case(Code.NOTIONAL_MIN, True, bought("0.05", limit_price=D("99.99"))),
    Case(Code.NOTIONAL_MIN, False, bought("0.05", limit_price=D(98), time_in_force="ioc")),
    Case(Code.AMOUNT_MIN, False, bought("1"), plan=LEAST_ONE),
    Case(Code.AMOUNT_MIN, True, bought("0.999"), plan=LEAST_ONE),
    Case(Code.PRICE_COLLAR, False, bought("1", limit_price=D(102))),
    Case(Code.PRICE_COLLAR, True, bought("1", limit_price=D("102.01"))),
    Case(Code.PRICE_COLLAR, False, bought("1", limit_price=D(98))),
    Case(Code.PRICE_COLLAR, True, sold("1", stop_price=D("97.99"))),
    Case(Code.PRICE_COLLAR, True, bought("1", reference_price=D(103))),
    Case(Code.CASH, False, bought("1", reserved=D(10_000), **SPOT), book("spot")),
    Case(Code.CASH, True, bought("1", reserved=D("10000.00000001"), **SPOT), book("spot")),
    Case(Code.CASH, True, bought("1", reserved=D(9001), **SPOT), book("spot", reserved=D(1000))),
    Case(Code.CASH, False, sold("1", reserved=D(0), **SPOT), book("spot", cash=D(-1))),
    Case(Code.ORDER_NOTIONAL, False, bought("5"), plan=plan(order_notional_max=D(500))),
    Case(Code.ORDER_NOTIONAL, True, bought("5.001"), plan=plan(order_notional_max=D(500))),
    Case(Code.POSITION_NOTIONAL, False, bought("2"), owned("3"), plan(position_notional_max=D(500))),
    Case(Code.POSITION_NOTIONAL, True, bought("2.001"), owned("3"), plan(position_notional_max=D(500))),
    Case(Code.POSITION_NOTIONAL, True, bought("1.001"), owned("3", "1"), plan(position_notional_max=D(500))),
    Case(Code.POSITION_NOTIONAL, True, bought("2.001", instance="n"), owned("-3"), plan(position_notional_max=D(500))),
    Case(Code.POSITION_NOTIONAL, False, bought("5", instrument=ETH), owned("5"), plan(position_notional_max=D(500))),
    Case(Code.GROSS_EXPOSURE, False, bought("100"), plan=plan(net_max=D(9))),
    Case(Code.GROSS_EXPOSURE, True, bought("100.001"), plan=plan(net_max=D(9))),
    Case(Code.GROSS_EXPOSURE, True, sold("50.001", instance="n"), owned("50")),
    Case(Code.GROSS_EXPOSURE, True, bought("20.001"), owned("50", "30")),
    Case(Code.GROSS_EXPOSURE, False, sold("150"), owned("50")),
    Case(Code.GROSS_EXPOSURE, True, sold("150.001"), owned("50")),
    Case(Code.GROSS_EXPOSURE, True, bought("0.001"), book(cash=D(0))),
    Case(Code.NET_EXPOSURE, False, bought("20"), owned("30"), plan(net_max=D("0.5"))),
    Case(Code.NET_EXPOSURE, True, bought("20.001"), owned("30"), plan(net_max=D("0.5"))),
    Case(Code.NET_EXPOSURE, True, bought("10.001"), owned("30", "10"), plan(net_max=D("0.5"))),
    Case(Code.NET_EXPOSURE, False, sold("80", instance="n"), owned("30"), plan(net_max=D("0.5"))),
    Case(Code.NET_EXPOSURE, True, sold("80.001", instance="n"), owned("30"), plan(net_max=D("0.5"))),
    Case(Code.ORDER_RATE, False, bought("1"), book(minute=int(NOW.timestamp()) // 60, orders_in_minute=19)),
    Case(Code.ORDER_RATE, True, bought("1"), book(minute=int(NOW.timestamp()) // 60, orders_in_minute=20)),
    Case(Code.ORDER_RATE, False, bought("1"), book(minute=int(NOW.timestamp()) // 60 - 1, orders_in_minute=20)),
    Case(Code.DAILY_LOSS, False, bought("1"), lost("10000", "0"), plan(daily_loss_max=D(0))),
    Case(Code.DAILY_LOSS, False, bought("1"), lost("12500", "0"), plan(daily_loss_max=D("0.2"))),
    Case(Code.DAILY_LOSS, True, bought("1"), lost("12500.01", "0"), plan(daily_loss_max=D("0.2"))),
    Case(Code.DRAWDOWN, False, bought("1"), lost("10000", "12500")),
    Case(Code.DRAWDOWN, True, bought("1"), lost("10000", "12500.01")),
]


TARGET_CHECKS = {rule.code: rule.check for rule in TARGET_RULES}
ORDER_CHECKS = {rule.code: rule.check for rule in ORDER_RULES}


def context_of(case: Case) -> Context:
    ages = {"signal": float(case.late_s)}
    return survey(case.snapshot, case.plan.terms(case.snapshot.account), ages, AT + timedelta(seconds=case.late_s))


@exact
def verdict(case: Case) -> str | None:
    if isinstance(case.subject, Target):
        return TARGET_CHECKS[case.code](case.subject, context_of(case))
    context = context_of(case)
    return ORDER_CHECKS[case.code](context.candidate(case.subject), context)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{n}" for n, case in enumerate(CASES)])
def test_a_rule_refuses_beyond_its_limit_and_passes_on_it(case: Case) -> None:
    detail = verdict(case)
    assert (detail is not None) is case.refuses, detail


@pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case.subject, Target)], ids=lambda case: case.code
)
def test_a_plain_target_is_one_that_no_rule_refuses(case: Case) -> None:
    wanted, context = case.subject, context_of(case)
    assert isinstance(wanted, Target)
    plain = context.plain_policy(wanted, (wanted.instance, wanted.instrument)) is not None
    assert plain <= all(rule.check(wanted, context) is None for rule in TARGET_RULES)


def test_an_ordinary_target_is_plain() -> None:
    ordinary = target(0.5)
    context = context_of(Case(Code.BAD_TARGET, False, ordinary))
    assert context.plain_policy(ordinary, (ordinary.instance, ordinary.instrument))


@pytest.mark.parametrize("case", [case for case in CASES if case.refuses], ids=lambda case: case.code)
def test_a_refusal_says_what_decided(case: Case) -> None:
    assert verdict(case)


def test_an_order_is_a_duplicate_by_its_id_and_by_its_leg() -> None:
    context = survey(book(), prepare(desk()).terms("margin"), {}, NOW)
    check = ORDER_CHECKS[Code.DUPLICATE_INTENT]
    assert check(context.candidate(order()), context) is None
    context.decided(context.candidate(order()))
    for again in (order(instrument=ETH), order(order_id="other")):
        assert check(context.candidate(again), context) is not None
    assert check(context.candidate(order(order_id="other", instrument=ETH)), context) is None


def test_an_approved_order_counts_when_it_is_weighed_again() -> None:
    context = survey(owned("2"), prepare(desk()).terms("margin"), {}, NOW)
    flip = order("sell", "3")
    assert context.candidate(flip).largest == 0
    context.approve(context.candidate(flip))
    assert context.candidate(flip).largest == 200


def test_every_code_has_one_rule_and_a_case_that_it_refuses() -> None:
    assert [*(rule.code for rule in TARGET_RULES), *(rule.code for rule in ORDER_RULES), Code.BUNDLE] == list(Code)
    assert {case.code for case in CASES if case.refuses} == set(Code) - {Code.DUPLICATE_INTENT, Code.BUNDLE}


def test_only_fresh_marks_and_limits_on_size_and_loss_let_reductions_pass() -> None:
    assert [rule.code for rule in ORDER_RULES if not rule.reductions] == [
        Code.FROZEN,
        Code.STALE_BAR,
        Code.ORDER_NOTIONAL,
        Code.POSITION_NOTIONAL,
        Code.GROSS_EXPOSURE,
        Code.NET_EXPOSURE,
        Code.ORDER_RATE,
        Code.DAILY_LOSS,
        Code.DRAWDOWN,
    ]
