"""An account whose items cannot be read stops no other: others trade, and are closed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from external_desk import HOOK, built, long
from quiet_desk import QuietDesk

from fanfold import messages
from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.messages import ExecutionReport, TradingState, TradingStateChanged
from support.core_desk import A, instance

D = Decimal
Breaking = Callable[[QuietDesk], None]


def _item(world: QuietDesk, table: str, prefix: str, changes: dict[str, Any]) -> None:
    """Spoil all items of the account ``main`` whose partition starts like this."""
    stored = world.cloud.dynamodb.table(table).partitions
    items = [item for name, part in stored.items() if name.startswith(prefix) for item in part.values()]
    mine = [item for item in items if "main" in str(item)]
    assert mine
    for item in mine:
        key = item["pk"]["S"], item["sk"]["S"]
        handle = Table(world.cloud.call, table)
        handle.write([handle.putting(key, {
            **{name: value for name, value in handle.get(key).items() if name not in ("pk", "sk")}, **changes,
        })])  # fmt: skip


SPOILED: dict[str, Breaking] = {
    "its trading state": lambda world: _item(world, "ledger", "account#main", {"trading_state": "PAUSED"}),
    "its positions": lambda world: _item(world, "ledger", "account#main", {"lots": b"{"}),
    "its orders": lambda world: _item(world, "ledger", "order#", {"record": b"{"}),
    "its marks": lambda world: _item(world, "ledger", "poll#main", {"marks": b"\x00"}),
    "its standing targets": lambda world: _item(world, "ledger", "poll#main", {"standing": b"\x00"}),
    "its paper book": lambda world: _item(world, "paper_book", "", {"resting": b"{", "order": b"{", "page": b"{"}),
}


@pytest.mark.parametrize("what", SPOILED)
def test_an_account_that_cannot_be_read_stops_no_other(what: str) -> None:
    limit = {"order": "limit", "order_ttl_s": 86_400}
    hooks: dict[str, Any] = {"hook": instance() | HOOK | limit, "other": instance() | HOOK | {"account": "other1"}}
    world = QuietDesk(built(accounts=2, **hooks))
    world.minute(1)
    world.tell("rests", {("hook", A): 0.5})
    world.minute(2, a=101)
    SPOILED[what](world)
    world.restart()
    world.witness.see = lambda *_given: None
    world.tell("enters", {("other", A): 1.0}, "other1")
    _on(world, 3, 4)
    assert world.held("other1") == {("other", A): D("99.009")}
    world.command("halt", "other1", TradingState.FLATTENING)
    _on(world, 5, 8)
    assert world.held("other1") == {}
    with world.deaf("execution"):
        world.command("resume", "other1")
        world.tell("again", {("other", A): 1.0}, "other1")
    world.now += 3_600
    _on(world, 70, 71)
    assert ledger.live(world.table, "other1") == []


def test_a_topic_that_takes_nothing_stops_neither_the_end_of_orders_nor_decisions() -> None:
    world = QuietDesk(built())
    long(world)
    with world.deaf("execution"):
        world.tell("out", {("hook", A): 0.0})
        world.command("halt", state=TradingState.FLATTENING)
    world.now += 3_600
    stuck = {"risk": world.heard(TradingStateChanged)[0], "execution": world.heard(ExecutionReport)[0]}
    for service, message in stuck.items():
        world.table.write([world.table.putting((f"outbox#{service}", message.id), {"body": messages.encode(message)})])

    def failing(call: Any, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if service == "sns":
            raise AwsFault("InternalError", "later", 500)
        answer: dict[str, Any] = call(service, operation, parameters)
        return answer

    world.around = failing
    for _ in range(3):
        world.sweep_whatever_fails()
    assert len(world.failed) == 6
    assert world.states() == [f"buy {A} FILLED", f"sell {A} STALE", f"sell {A} APPROVED"]
    world.around = lambda call, *parameters: call(*parameters)
    world.sweep()
    world.minutes(70, 73)
    assert world.held() == {}


def _on(world: QuietDesk, first: int, last: int) -> None:
    for minute in range(first, last + 1):
        world.minute(minute, a=101)
        world.sweep_whatever_fails()
