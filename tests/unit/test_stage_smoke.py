"""The smoke test asks for an order and a fill, and fails by the reason where one does not come."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold import desk
from fanfold.api.schemas import OrderPage, RecordedOrder
from fanfold.desk import Desk
from fanfold.messages import Targets, decode
from fanfold.stages.removal import StageFailed
from fanfold.stages.smoke import PATIENCE_S, PAUSE_S, Smoke
from support.core_desk import START, A, instance, raw

NOW = datetime.fromtimestamp(START, UTC)


def traded(*, external: bool = True) -> Desk:
    made = raw(trend=instance())
    if external:
        made["strategies"]["hook"] = {"strategy": "external", "instruments": [A], "timeframe": "1m",
                                      "allocation": "0.3", "account": "main"}  # fmt: skip
    return desk.build(made, "test")


class Functions:
    """A stage whose functions are in memory: an order goes through some states, one more each time it is asked for."""

    def __init__(self, *states: str, external: bool = True, takes: bool = True) -> None:
        self.desk = traded(external=external)
        self.states, self.takes = list(states), takes
        self.orders: list[RecordedOrder] = []
        self.signals: list[Targets] = []
        self.polled = 0
        self.now = NOW

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        return dict(getattr(self, f"{service}_{function}".replace("-", "_"))(event))

    def market_data_poll(self, _event: dict[str, Any]) -> dict[str, Any]:
        self.polled += 1
        return {"bars": 4}

    def risk_assess(self, event: dict[str, Any]) -> dict[str, Any]:
        (record,) = event["Records"]
        message = decode(record["body"])
        assert isinstance(message, Targets)
        assert record["attributes"]["MessageGroupId"] == message.account
        if not self.takes:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
        self.signals.append(message)
        self.decide(message.targets[0].signal_id, "buy" if message.targets[0].weight else "sell", "hook")
        return {"batchItemFailures": []}

    def decide(self, signal: str, side: Any, name: str) -> None:
        self.orders.insert(0, RecordedOrder(
            order_id=f"o{len(self.orders)}", client_order_id="c", signal_id=signal, account="main", venue="v",
            instance=name, instrument=A, side=side, kind="market", quantity=Decimal(1), reference_price=Decimal(9),
            reserved=Decimal(9), decided_at=self.now, expires_at=self.now + timedelta(hours=1), state="APPROVED",
            filled=Decimal(1), reason="", doubt="", code="CASH", detail="no cash", changed_at=self.now, message_id="m",
        ))  # fmt: skip

    def audit_api(self, event: dict[str, Any]) -> dict[str, Any]:
        assert event["rawPath"] == "/orders"
        if self.orders and self.states and self.orders[0].state != "FILLED":
            self.orders[0] = msgspec.structs.replace(self.orders[0], state=self.states.pop(0))
        body = msgspec.json.encode(OrderPage(orders=self.orders, next=None)).decode()
        return {"statusCode": 200, "body": body}

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def smoke(self) -> list[str]:
        lines: list[str] = []
        Smoke(self, lines.append, lambda: self.now, self.sleep).run()
        return lines


def test_a_signal_becomes_an_order_and_its_fill() -> None:
    stage = Functions("APPROVED", "OPEN", "FILLED")
    assert stage.smoke()[-1] == f"order: o0 is filled, 1 {A}"
    assert stage.polled == 1
    assert [signal.targets[0].weight for signal in stage.signals] == [0.5]
    assert stage.now < NOW + timedelta(seconds=PATIENCE_S)


def test_each_smoke_signal_differs_from_the_position_held() -> None:
    stage = Functions("FILLED")
    for _ in range(3):
        stage.states = ["FILLED"]
        stage.smoke()
        stage.sleep(3_600)
    assert [signal.targets[0].weight for signal in stage.signals] == [0.5, 0.0, 0.5]
    assert len({signal.targets[0].signal_id for signal in stage.signals}) == 3


@pytest.mark.parametrize("state", ["REFUSED", "REJECTED", "CANCELED", "EXPIRED", "BLOCKED", "STALE"])
def test_an_order_that_does_not_fill_is_reported_with_its_reason(state: str) -> None:
    with pytest.raises(StageFailed, match=f"order o0 is {state}: CASH no cash"):
        Functions("APPROVED", state).smoke()


def test_an_order_that_stays_open_is_not_waited_for_without_an_end() -> None:
    stage = Functions(*["OPEN"] * 1_000)
    with pytest.raises(StageFailed, match="after 15 minutes there is no fill of the order that the signal for hook"):
        stage.smoke()
    assert stage.now == NOW + timedelta(seconds=PATIENCE_S)


def test_a_signal_that_risk_refuses_is_reported() -> None:
    with pytest.raises(StageFailed, match="risk did not take the signal"):
        Functions(takes=False).smoke()


def test_without_a_leg_to_ask_the_first_order_of_any_strategy_is_waited_for() -> None:
    stage = Functions("FILLED", external=False)
    stage.decide("earlier", "buy", "trend")
    stage.orders[0] = msgspec.structs.replace(stage.orders[0], state="FILLED")
    stage.now += timedelta(minutes=1)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        stage.sleep(seconds)
        if len(waited) == 3:
            stage.decide("new", "sell", "trend")

    Smoke(stage, len, lambda: stage.now, sleep).run()
    assert waited == [PAUSE_S] * 3
    quiet = Functions(external=False)
    with pytest.raises(StageFailed, match="a leg with strategy 'external' in the desk file gets one"):
        quiet.smoke()


def test_an_api_that_does_not_respond_is_reported() -> None:
    stage = Functions()
    stage.audit_api = lambda *_event, **_named: {"statusCode": 500, "body": json.dumps({"detail": "x"})}
    with pytest.raises(StageFailed, match="does not tell orders"):
        stage.smoke()
