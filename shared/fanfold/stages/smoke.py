"""The smoke test of a stage: bars come, and a signal becomes an order and the order a fill, through its own functions.

The signal is for a leg whose strategy is ``external``, where the desk has one; else an order of any strategy is waited
for. Risk's function is handed the signal as its queue would, and audit's is asked for the order as the HTTP API asks.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from fanfold import ids
from fanfold.api.schemas import OrderPage, RecordedOrder
from fanfold.audit.queries import REFUSED
from fanfold.desk import Desk, StrategyInstance
from fanfold.local.http_gateway import READING, Gateway
from fanfold.messages import OrderState, Target, Targets, encode
from fanfold.records import TERMINAL
from fanfold.stages.removal import StageFailed
from fanfold.strategy.contract import EXTERNAL

# Fills on paper come with the next bar, and audit's window shows them five minutes later.
PATIENCE_S = 900
PAUSE_S = 15
WEIGHT = 0.5
LOST = frozenset({REFUSED, *TERMINAL}) - {OrderState.FILLED}


class Functions(Protocol):
    """A stage's functions, by service and name; a call raises what the function raised."""

    @property
    def desk(self) -> Desk: ...

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]: ...


class Smoke:
    """A smoke test of a stage: a signal goes in, and the fill of its order has to come out."""

    def __init__(
        self,
        stage: Functions,
        report: Callable[[str], object],
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._stage = stage
        self._report = report
        self._now = now
        self._sleep = sleep

    def run(self) -> None:
        """Trade once. Raises StageFailed, which says what did not come."""
        self._stage.invoke("market-data", "poll", {})
        self._report("bars: polled")
        began = self._now()
        external = next((name for name, leg in self._stage.desk.strategies.items() if leg.strategy == EXTERNAL), "")
        if external:
            signal = self._signal(external, self._stage.desk.strategies[external], began)
            self._await(lambda order: order.signal_id == signal, f"the order that the signal for {external} asks for")
        else:
            what = f"an order of any strategy; a leg with strategy {EXTERNAL!r} in the desk file gets one at once"
            self._await(lambda order: order.decided_at >= began, what)

    def _signal(self, name: str, leg: StrategyInstance, at: datetime) -> str:
        """Send risk a signal that differs from what the leg holds by its last order; return the signal's id."""
        instrument = leg.instruments[0]
        own = [order for order in self._orders() if (order.instance, order.instrument) == (name, instrument)]
        held = any(order.side == "buy" for order in own[:1] if order.state == OrderState.FILLED)
        signal = ids.derive("smoke", name, instrument, at.isoformat())
        target = Target(signal_id=signal, instance=name, instrument=instrument, timeframe=leg.timeframe,
                        weight=0.0 if held else WEIGHT)  # fmt: skip
        message = Targets(id=f"{signal}-targets", cause="operator/smoke", at=at, account=leg.account, poll_id="",
                          targets=[target])  # fmt: skip
        sent = {"MessageGroupId": leg.account, "ApproximateReceiveCount": "1",
                "SentTimestamp": str(int(at.timestamp() * 1_000))}  # fmt: skip
        record = {"messageId": message.id, "body": encode(message).decode(), "attributes": sent}
        if self._stage.invoke("risk", "assess", {"Records": [record]})["batchItemFailures"]:
            raise StageFailed("risk did not take the signal: its ERROR lines say why")
        self._report(f"signal: {name} wants {target.weight} of {instrument}")
        return signal

    def _await(self, wanted: Callable[[RecordedOrder], bool], what: str) -> None:
        for _ in range(PATIENCE_S // PAUSE_S):
            for order in filter(wanted, self._orders()):
                if order.state == OrderState.FILLED:
                    self._report(f"order: {order.order_id} is filled, {order.filled} {order.instrument}")
                    return
                if order.state in LOST:
                    raise StageFailed(
                        f"order {order.order_id} is {order.state}: {order.code or order.reason} {order.detail}"
                    )
            self._sleep(PAUSE_S)
        raise StageFailed(f"after {PATIENCE_S // 60} minutes there is no fill of {what}")

    def _orders(self) -> list[RecordedOrder]:
        def ask(event: dict[str, Any], _context: object) -> dict[str, Any]:
            return self._stage.invoke(READING.service, READING.function, event)

        gateway = Gateway({READING: ask}, {READING.authority: {"jwt": {"claims": {"sub": "smoke"}, "scopes": None}}})
        answer = gateway.answer("GET", "/orders", {}, b"")
        if answer["statusCode"] != 200:
            raise StageFailed(f"the API does not tell orders: {answer['body'][:500]}")
        return msgspec.convert(json.loads(answer["body"]), OrderPage, strict=False).orders
