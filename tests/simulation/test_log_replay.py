"""A log replayed: every message again to the byte, and what was changed in it is found."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest

from fanfold.audit.chain import Record
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.messages import BarsClosed, Target, Targets, TradingState, TradingStateChanged
from fanfold.simulation.schedules.market import START, B, SeededMarket, desk_of
from fanfold.simulation.schedules.memory_desk import MemoryDesk
from fanfold.simulation.schedules.replay import replay
from support.chained_messages import chained

MINUTES = 30
# Bars that no poll brings: signal asks for them.
MISSING = 9


def at(minute: float) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def state(name: str, minute: float, set_to: TradingState, reason: str = "a test") -> TradingStateChanged:
    return TradingStateChanged(
        id=name, cause="operator/ann", at=at(minute), account="main", state=set_to, reason=reason, actor="ann"
    )


def signal(minute: float, weight: float) -> Targets:
    name = f"signal-{minute}"
    target = Target(signal_id=name, instance="told", instrument=B, timeframe="1m", weight=weight)
    return Targets(id=name, cause=f"webhook/{name}", at=at(minute), account="main", poll_id="", targets=[target])


def recorded(seed: int) -> tuple[Desk, list[Record]]:
    """Return a desk's day, with commands, a webhook and missing bars, as audit records it."""
    random = Random(seed)
    desk, market = desk_of(random, Random(seed)), SeededMarket(random, MINUTES)
    run = MemoryDesk(desk, lambda request: [_as_an_answer(market.wanted(request), request.id)], START)
    run.set_trading_state(state("open", 0, TradingState.ACTIVE))
    for minute in range(1, MINUTES + 1):
        run.now = at(minute).timestamp()
        if minute == 20:
            run.set_trading_state(state("reduce", minute, TradingState.REDUCE_ONLY))
        if minute == 24:
            run.set_trading_state(
                state("on", minute, TradingState.ACTIVE, "on (re-armed: day and peak begin anew)"), rearm=True
            )
        if minute in (5, 15):
            run.publish([signal(minute, 0.5 if minute == 5 else 0.0)])
        if minute != MISSING:
            run.publish([market.minute(minute)])
        if minute == 27:
            # After the bars of its own time.
            run.set_trading_state(state("flatten", minute, TradingState.FLATTENING))
    run.sweep()
    return desk, chained(run.published)


def _as_an_answer(bars: BarsClosed, request: str) -> BarsClosed:
    return msgspec.structs.replace(bars, cause=f"requested/{request}")


@pytest.mark.parametrize("seed", range(6))
def test_every_message_comes_again_to_the_byte_and_so_do_the_hashes(seed: int) -> None:
    desk, records = recorded(seed)
    kinds = {record.message["type"] for record in records}
    assert {"bars-requested.v1", "orders-approved.v1", "execution-report.v1"} <= kinds
    result = replay(desk, records)
    assert result.differences == []
    assert result.same_hashes
    assert result.followed > 3 * MINUTES


def changed(records: list[Record], kind: str, change: Callable[[dict[str, Any]], None]) -> list[Record]:
    """Change the last message of a kind."""
    place = max(number for number, record in enumerate(records) if record.message["type"] == kind)
    document = msgspec.json.decode(msgspec.json.encode(records[place].message))
    change(document)
    return [*records[:place], msgspec.structs.replace(records[place], message=document), *records[place + 1 :]]


def without(records: list[Record], kind: str) -> list[Record]:
    place = max(number for number, record in enumerate(records) if record.message["type"] == kind)
    return [*records[:place], *records[place + 1 :]]


def test_an_order_that_was_changed_is_named_with_what_differs() -> None:
    desk, records = recorded(1)
    result = replay(
        desk, changed(records, "orders-approved.v1", lambda order: order["orders"][0].update(side="sell", quantity="7"))
    )
    (difference,) = result.differences
    assert (difference.kind, difference.what, difference.stream) == ("orders-approved.v1", "orders differs", "main")
    assert not result.same


def test_a_message_that_is_missing_in_the_log_comes_all_the_same() -> None:
    desk, records = recorded(1)
    (difference,) = replay(desk, without(records, "execution-report.v1")).differences
    assert (difference.seq, difference.recorded) == (0, None)
    assert "the log has none like it" in difference.what


def test_a_bar_that_was_changed_leads_to_other_messages() -> None:
    desk, records = recorded(1)
    assert replay(desk, without(records, "bars-closed.v1")).differences


def test_another_desk_does_not_come_to_the_same() -> None:
    _, records = recorded(1)
    other, _ = recorded(2)
    assert replay(other, records).differences


def test_a_log_without_bars_and_one_of_a_live_account_are_refused() -> None:
    desk, records = recorded(1)
    with pytest.raises(BadInput, match="nothing to replay"):
        replay(desk, [record for record in records if record.message["type"] != "bars-closed.v1"])
    live = msgspec.structs.replace(desk.accounts["main"], mode="live")
    with pytest.raises(BadInput, match="real venue"):
        replay(msgspec.structs.replace(desk, accounts={"main": live}), records)
