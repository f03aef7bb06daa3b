"""Reasons why nothing was traded: each of them, and the one of two that counts."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from fanfold.audit.why_not import LegAnswer, why_not
from fanfold.codes import Code
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    LegCode,
    LegState,
    LegStatus,
    Message,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.simulation.schedules.market import START, A, SeededMarket, desk_of
from support.execution_world import order as made_order

DESK = desk_of(Random(1), Random(1))
MARKET = SeededMarket(Random(1), 10)


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def bars(minute: int) -> BarsClosed:
    return MARKET.minute(minute)


def of(kind: Any, minute: int, **fields: Any) -> Any:
    return kind(id=f"{kind.__name__}-{minute}", cause="c", at=at(minute), account="main", **fields)


def state(name: TradingState, minute: int = 0) -> TradingStateChanged:
    return of(TradingStateChanged, minute, state=name, reason="a drill", actor="ann")


def target(minute: int, weight: float) -> Targets:
    wanted = Target(signal_id="s", instance="one", instrument=A, timeframe="1m", weight=weight)
    return of(Targets, minute, poll_id="p", targets=[wanted])


def status(minute: int, code: LegCode, was: str = "") -> LegStatus:
    state = LegState(instance="one", instrument=A, code=code, detail="so it is")
    return of(LegStatus, minute, statuses=[state.after(was)])


def order() -> Any:
    return made_order("o1234567890", A, "buy", instance="one")


def refused(minute: int) -> OrdersRefused:
    refusal = Refusal(order=order(), code=Code.GROSS_EXPOSURE, detail="too much")
    return of(OrdersRefused, minute, refusals=[refusal])


def approved(minute: int) -> OrdersApproved:
    return of(OrdersApproved, minute, orders=[order()])


def became(minute: int, state: OrderState, filled: str, reason: str = "") -> ExecutionReport:
    update = OrderUpdate(order_id=order().order_id, client_order_id="c", instance="one", instrument=A, state=state,
                         filled=Decimal(filled), reason=reason)  # fmt: skip
    return of(ExecutionReport, minute, venue=DESK.accounts["main"].venue, updates=[update])


def holding(minute: int, quantity: str, version: int = 1) -> ExecutionReport:
    figures = dict.fromkeys(("cost", "realised", "fees"), Decimal(0))
    position = PositionSnapshot(instance="one", instrument=A, quantity=Decimal(quantity), version=version, **figures)
    return of(ExecutionReport, minute, venue="v", positions=[position])


def answered(*messages: Message, minute: int = 3) -> LegAnswer:
    return next(leg for leg in why_not(DESK, messages, A, at(minute)) if leg.instance == "one")


OPEN = state(TradingState.ACTIVE)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([], "no bar of BTC/USDT had come"),
        ([bars(3)], "no trading state"),
        ([bars(3), OPEN], "no target yet"),
        ([bars(3), OPEN, status(2, LegCode.WARMING_UP)], "WARMING_UP since 03-01 00:02: so it is"),
        ([bars(3), OPEN, target(3, 0.0)], "wanted no position, and it had none"),
        ([bars(3), OPEN, target(3, 0.0), holding(2, "1.50")], "was being closed"),
        ([bars(3), OPEN, target(3, 1.0), refused(3)], "refused its order, GROSS_EXPOSURE: too much"),
        ([bars(3), OPEN, target(1, 1.0), refused(2)], "refused the order of its target at 03-01 00:02"),
        ([bars(3), OPEN, target(1, 1.0), refused(1), approved(2)], "order o1234567 of 03-01 00:02 was on its way"),
        ([bars(3), OPEN, target(1, 1.0), target(2, 1.0), holding(2, "1.50")], "stood since 03-01 00:01, held 1.5:"),
        ([bars(3), OPEN, target(2, 1.0)], "held 0: no order had come of it, for risk had not decided"),
        (
            [bars(2), OPEN, state(TradingState.FLATTENING, 1), target(2, 1.0), state(TradingState.ACTIVE, 3)],
            "the account was FLATTENING until 03-01 00:03, and its next bars had not come",
        ),
        (
            [
                bars(3),
                OPEN,
                state(TradingState.FLATTENING, 1),
                target(2, 1.0),
                state(TradingState.ACTIVE, 2),
                holding(3, "1"),
            ],
            "they differ by less than its no-trade band",
        ),
        ([bars(3), OPEN, target(1, 1.0), state(TradingState.HALTED, 2)], "was HALTED since 03-01 00:02: a drill"),
        ([bars(3), OPEN, target(1, 1.0), status(2, LegCode.DUST), status(3, LegCode.OK)], "stood since"),
        ([bars(3), OPEN, target(3, 1.0), approved(3)], "it was traded: risk approved order o1234567"),
        ([bars(3), OPEN, target(1, 1.0), target(4, 0.0), refused(4)], "stood since 03-01 00:01"),
    ],
)
def test_the_reason_is_the_first_that_held(log: list[Message], why: str) -> None:
    assert why in answered(*log).why


WANTS = [bars(3), OPEN, target(1, 1.0), approved(1)]
FILLED = [*WANTS, became(2, OrderState.FILLED, "2")]
STOPPED = [*WANTS, status(2, LegCode.STOPPED_OUT), status(2, LegCode.MISSING_BARS)]


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (STOPPED, "STOPPED_OUT since 03-01 00:02: so it is; MISSING_BARS since 03-01 00:02: so it is"),
        ([*STOPPED, status(3, LegCode.OK, "MISSING_BARS gap")], "STOPPED_OUT since 03-01 00:02: so it is"),
        ([*STOPPED, status(3, LegCode.OK, "STOPPED_OUT")], "MISSING_BARS since 03-01 00:02: so it is"),
    ],
)
def test_neither_signal_nor_risk_ends_what_the_other_reported(log: list[Message], why: str) -> None:
    assert answered(*log).why == why


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (WANTS, "its order o1234567 of 03-01 00:01 was on its way"),
        ([*WANTS, became(2, OrderState.OPEN, "0")], "its order o1234567 of 03-01 00:01 was OPEN, 0 of 2 filled"),
        ([*WANTS, became(2, OrderState.EXPIRED, "0.5"), became(2, OrderState.PARTIAL, "0.5")],
         "its order o1234567 of 03-01 00:01 ended EXPIRED at 03-01 00:02, 0.5 of 2 filled"),
        ([*WANTS, became(2, OrderState.REJECTED, "0", "no such pair")],
         "its order o1234567 of 03-01 00:01 ended REJECTED at 03-01 00:02, 0 of 2 filled: no such pair"),
        ([*FILLED, holding(2, "2")],
         "stood since 03-01 00:01, held 2: a target is ordered once, until its strategy's next bar"),
        ([*FILLED, holding(2, "2"), target(2, 1.0)],
         "stood since 03-01 00:01, held 2: they differ by less than its no-trade band, 0, or than its venue takes"),
        ([*FILLED, holding(2, "2"), target(2, 0.95)],
         "stood since 03-01 00:02, held 2: they differ by less than its no-trade band, 0, or than its venue takes"),
        ([*WANTS, became(2, OrderState.OPEN, "0"), target(2, 0.95)],
         "its order o1234567 of 03-01 00:01 was OPEN, 0 of 2 filled"),
    ],
)  # fmt: skip
def test_what_became_of_its_order_is_the_reason(log: list[Message], why: str) -> None:
    assert answered(*log).why.removeprefix("its target ") == why


def test_a_halt_holds_an_exit_and_a_reduction_does_not() -> None:
    exiting: list[Message] = [bars(3), OPEN, holding(1, "1.5"), target(2, 0.0)]
    assert "was HALTED" in answered(*exiting, state(TradingState.HALTED, 1)).why
    assert "was being closed" in answered(*exiting, state(TradingState.REDUCE_ONLY, 1)).why


def test_bars_of_another_venue_or_that_a_reader_asked_for_do_not_count() -> None:
    others = [replace(bars(3), venue="elsewhere"), replace(bars(3), requested=True)]
    assert answered(bars(1), OPEN, target(1, 1.0), approved(1), *others).last_bar == at(1)
    assert answered(bars(1), OPEN, target(1, 1.0), approved(1), *others).traded


def test_the_newer_version_of_a_position_counts() -> None:
    assert answered(bars(3), OPEN, holding(2, "2", 5), holding(2, "1", 4)).quantity == 2


def test_a_leg_that_the_desk_does_not_have_any_more_is_answered() -> None:
    gone = target(1, 1.0)
    gone = replace(gone, targets=[replace(each, instance="gone") for each in gone.targets])
    (answer,) = (leg for leg in why_not(DESK, [bars(3), OPEN, gone], A, at(3)) if leg.instance == "gone")
    assert (answer.weight, answer.since) == (1.0, at(1))


def test_a_leg_of_an_account_that_the_desk_does_not_have_any_more_says_so() -> None:
    gone = replace(target(1, 1.0), account="before")
    (answer,) = (leg for leg in why_not(DESK, [bars(3), OPEN, gone], A, at(3)) if leg.account == "before")
    assert answer.why == "account before is not in the desk file any more: nothing decides on it"


def test_an_answer_has_what_the_leg_held_and_wanted_then() -> None:
    answer = answered(bars(3), OPEN, target(2, 0.5), holding(2, "1.5"), holding(4, "9"))
    assert (answer.quantity, answer.weight, answer.since) == (Decimal("1.5"), 0.5, at(2))
    assert not answer.traded


def test_legs_of_other_instruments_have_no_answer() -> None:
    assert {leg.instance for leg in why_not(DESK, [bars(3), OPEN], A, at(3))} == {"one", "two"}
