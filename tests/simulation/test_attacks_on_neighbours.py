"""What is broken for one account stops no other: whatever of it cannot be read, others trade, and are closed."""

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


def _item(one: QuietDesk, table: str, prefix: str, changes: dict[str, Any]) -> None:
    """Spoil all items of the account ``main`` whose partition starts like this."""
    stored = one.cloud.dynamodb.table(table).partitions
    found = [item for name, part in stored.items() if name.startswith(prefix) for item in part.values()]
    mine = [item for item in found if "main" in str(item)]
    assert mine
    for item in mine:
        key = item["pk"]["S"], item["sk"]["S"]
        handle = Table(one.cloud.call, table)
        handle.write([handle.putting(key, {
            **{name: value for name, value in handle.get(key).items() if name not in ("pk", "sk")}, **changes,
        })])  # fmt: skip


SPOILED: dict[str, Breaking] = {
    "its trading state": lambda one: _item(one, "ledger", "account#main", {"trading_state": "PAUSED"}),
    "its positions": lambda one: _item(one, "ledger", "account#main", {"lots": b"{"}),
    "its orders": lambda one: _item(one, "ledger", "order#", {"record": b"{"}),
    "its marks": lambda one: _item(one, "ledger", "poll#main", {"marks": b"\x00"}),
    "its standing targets": lambda one: _item(one, "ledger", "poll#main", {"standing": b"\x00"}),
    "its paper book": lambda one: _item(one, "paper_book", "", {"resting": b"{", "order": b"{", "page": b"{"}),
}


@pytest.mark.parametrize("what", SPOILED)
def test_an_account_that_cannot_be_read_stops_no_other(what: str) -> None:
    limit = {"order": "limit", "order_ttl_s": 86_400}
    hooks = {"hook": instance() | HOOK | limit, "other": instance() | HOOK | {"account": "other1"}}
    one = QuietDesk(built(accounts=2, **hooks))
    one.minute(1)
    one.tell("rests", {("hook", A): 0.5})
    one.minute(2, a=101)
    SPOILED[what](one)
    one.restart()
    one.witness.see = lambda *_given: None  # type: ignore[method-assign]
    one.tell("enters", {("other", A): 1.0}, "other1")
    _on(one, 3, 4)
    assert one.held("other1") == {("other", A): D("99.009")}
    one.command("halt", "other1", TradingState.FLATTENING)
    _on(one, 5, 8)
    assert one.held("other1") == {}
    with one.deaf("execution"):
        one.command("resume", "other1")
        one.tell("again", {("other", A): 1.0}, "other1")
    one.now += 3_600
    _on(one, 70, 71)
    assert ledger.live(one.table, "other1") == []


def test_a_topic_that_takes_nothing_stops_neither_the_end_of_orders_nor_decisions() -> None:
    one = QuietDesk(built())
    long(one)
    with one.deaf("execution"):
        one.tell("out", {("hook", A): 0.0})
        one.command("halt", state=TradingState.FLATTENING)
    one.now += 3_600
    stuck = {"risk": one.heard(TradingStateChanged)[0], "execution": one.heard(ExecutionReport)[0]}
    for service, told in stuck.items():
        one.table.write([one.table.putting((f"outbox#{service}", told.id), {"body": messages.encode(told)})])

    def failing(call: Any, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if service == "sns":
            raise AwsFault("InternalError", "later", 500)
        answer: dict[str, Any] = call(service, operation, parameters)
        return answer

    one.around = failing
    for _ in range(3):
        one.sweep_whatever_fails()
    assert len(one.failed) == 6
    assert one.states() == [f"buy {A} FILLED", f"sell {A} STALE", f"sell {A} APPROVED"]
    one.around = lambda call, *asked: call(*asked)
    one.sweep()
    one.minutes(70, 73)
    assert one.held() == {}


def _on(one: QuietDesk, first: int, last: int) -> None:
    for minute in range(first, last + 1):
        one.minute(minute, a=101)
        one.sweep_whatever_fails()
