"""Reasons why nothing was traded: each of them, and the one of two that counts."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

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


def status(minute: int, code: LegCode) -> LegStatus:
    return of(LegStatus, minute, statuses=[LegState(instance="one", instrument=A, code=code, detail="so it is")])


def order() -> Any:
    return made_order("o1234567890", A, "buy", instance="one")


def refused(minute: int) -> OrdersRefused:
    refusal = Refusal(order=order(), code=Code.GROSS_EXPOSURE, detail="too much")
    return of(OrdersRefused, minute, refusals=[refusal])


def approved(minute: int) -> OrdersApproved:
    return of(OrdersApproved, minute, orders=[order()])


def holding(minute: int, quantity: str) -> ExecutionReport:
    figures = dict.fromkeys(("cost", "realised", "fees"), Decimal(0))
    position = PositionSnapshot(instance="one", instrument=A, quantity=Decimal(quantity), version=1, **figures)
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
        ([bars(3), OPEN, status(2, LegCode.WARMING_UP)], "WARMING_UP: so it is"),
        ([bars(3), OPEN, target(3, 0.0)], "wanted no position, and it had none"),
        ([bars(3), OPEN, target(3, 0.0), holding(2, "1.50")], "was being closed"),
        ([bars(3), OPEN, target(3, 1.0), refused(3)], "refused its order, GROSS_EXPOSURE: too much"),
        ([bars(3), OPEN, target(1, 1.0), refused(2)], "refused the order of its target at 03-01 00:02"),
        ([bars(3), OPEN, target(1, 1.0), refused(1), approved(2)], "stood since 03-01 00:01"),
        ([bars(3), OPEN, target(1, 1.0), target(2, 1.0), holding(2, "1.50")], "stood since 03-01 00:01, held 1.5:"),
        ([bars(3), OPEN, target(1, 1.0), state(TradingState.HALTED, 2)], "was HALTED since 03-01 00:02: a drill"),
        ([bars(3), OPEN, target(1, 1.0), status(2, LegCode.DUST), status(3, LegCode.OK)], "stood since"),
        ([bars(3), OPEN, target(3, 1.0), approved(3)], "it was traded: risk approved order o1234567"),
        ([bars(3), OPEN, target(1, 1.0), target(4, 0.0), refused(4)], "stood since 03-01 00:01"),
    ],
)
def test_the_reason_is_the_first_that_held(log: list[Message], why: str) -> None:
    assert why in answered(*log).why


def test_an_answer_has_what_the_leg_held_and_wanted_then() -> None:
    answer = answered(bars(3), OPEN, target(2, 0.5), holding(2, "1.5"), holding(4, "9"))
    assert (answer.quantity, answer.weight, answer.since) == (Decimal("1.5"), 0.5, at(2))
    assert not answer.traded


def test_legs_of_other_instruments_have_no_answer() -> None:
    assert {leg.instance for leg in why_not(DESK, [bars(3), OPEN], A, at(3))} == {"one", "two"}
