"""Parity of a day by a desk file that changed since: what left it has a reason, and nothing fails."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from fanfold.audit.parity import ParityReason
from fanfold.desk import Desk
from fanfold.messages import Message
from fanfold.simulation.full_run import full_run
from fanfold.simulation.parity_run import parity
from support.situations import Situation, repository_desk

DAY = date(2026, 1, 3)
LEFT: dict[str, Callable[[Desk], Desk]] = {
    "strategy": lambda desk: msgspec.structs.replace(
        desk, strategies={name: own for name, own in desk.strategies.items() if name != "reversion"}
    ),
    "name": lambda desk: msgspec.structs.replace(
        desk, strategies={f"{name}2" if name == "reversion" else name: own for name, own in desk.strategies.items()}
    ),
    "instrument": lambda desk: msgspec.structs.replace(
        desk,
        strategies=desk.strategies
        | {"reversion": msgspec.structs.replace(desk.strategies["reversion"], instruments=["ETH/USDT"])},
    ),
}


@pytest.fixture(scope="module")
def situation() -> Situation:
    return repository_desk(240)


@pytest.fixture(scope="module")
def messages(situation: Situation) -> list[Message]:
    published: list[Message] = []
    full_run(situation.desk, situation.recordings, situation.closes[0], situation.closes[-1], published.append)
    return published


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_orders_of_what_left_the_desk_file_since_are_explained_by_that(
    situation: Situation, messages: list[Message], left: Callable[[Desk], Desk]
) -> None:
    desk = left(situation.desk)
    report = parity(desk, messages, DAY)
    gone = [each for each in report.differences if each.reason is ParityReason.CHANGED_DESK]
    assert {(each.instance, each.backtest) for each in gone} == {("reversion", "no order")}
    assert all(each.instrument not in getattr(desk.strategies.get("reversion"), "instruments", []) for each in gone)


def test_an_account_of_another_name_is_compared(situation: Situation, messages: list[Message]) -> None:
    own = situation.desk
    renamed = msgspec.structs.replace(
        own,
        accounts={"second": own.accounts["main"]},
        limits={"second": own.limits["main"]},
        strategies={name: msgspec.structs.replace(each, account="second") for name, each in own.strategies.items()},
    )
    report = parity(renamed, messages, DAY)
    of_main = [each for each in report.differences if each.account == "main"]
    assert of_main
    assert {each.detail for each in of_main} == {"account main is not in the desk file any more"}
