"""Fills by signed webhook: booked as by a poll, once in whatever order, all or none, and by nobody without the key."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from execution_service.fills_api import FillsReceiver
from execution_service.real import RealAccount
from fanfold.api.webhooks import NONCE, SIGNATURE, TIMESTAMP, WINDOW_S, signature
from fanfold.aws.client.call import AwsFault
from fanfold.aws.function.secrets import SecureParameter
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import OrderState
from fanfold.trading.answers import VenueTrade
from support.api_desk import SECRETS, Answer, answered, event
from support.core_desk import A, B
from support.crashes import Crash, Fuse
from support.execution_world import AT
from support.real_world import D, RealWorld, laws, order

Send = Callable[..., Answer]


class Hooked(RealWorld):
    """A live account with an order at its venue, of which so many parts have traded, and senders of its fills."""

    def __init__(self, parts: int = 1) -> None:
        super().__init__()
        accounts = {"main": msgspec.structs.replace(self.desk.accounts["main"], mode="live")}
        paper = {"paper": msgspec.structs.replace(self.desk.accounts["main"], mode="paper")}
        self.desk = msgspec.structs.replace(self.desk, accounts=self.desk.accounts | accounts | paper)
        self.sweep()
        self.venue.faults = ["rests"]
        self.account().place(self.approve(order("a")))
        for _ in range(parts):
            self.wait(1)
            self.venue.fill(self.venue.orders[0], D("0.5"))

    def rows(self) -> list[dict[str, Any]]:
        """The fills as a sender writes them."""
        return [row(trade) for _, trade in self.venue.traded]

    def send(self, rows: Any, account: str = "main", fuse: Fuse | None = None, **changes: Any) -> Answer:
        """Sign a body and send it; ``changes`` are of the signature, as ``secret`` and ``at``."""
        body = json.dumps({"account": account, "fills": rows})
        at = str(int(self.now.timestamp()) + changes.get("late", 0))
        mac = signature(changes.get("secret", SECRETS[0]), at, "nonce-0123456789abcdef", body.encode())
        request = event("POST", "/fills", body=body)
        request["headers"] |= {TIMESTAMP: at, NONCE: "nonce-0123456789abcdef", SIGNATURE: mac}
        request["headers"] |= changes.get("headers", {})
        receiver = FillsReceiver(self.desk, lambda: SECRETS, lambda _account: self._real(fuse))
        return answered(lambda api_event: receiver.answer(api_event, self.now), request)

    def _real(self, fuse: Fuse | None) -> RealAccount:
        return self.account(fuse)


def row(trade: VenueTrade) -> dict[str, Any]:
    (charge,) = trade.charges
    return {
        "trade_id": trade.trade_id,
        "venue_order_id": trade.venue_order_id,
        "client_order_id": trade.client_order_id,
        "instrument": trade.instrument,
        "side": trade.side,
        "price": str(trade.price),
        "quantity": str(trade.quantity),
        "fee": str(charge.amount),
        "fee_currency": charge.currency,
        "liquidity": trade.liquidity,
        "at": trade.at.isoformat(),
    }


def booked(world: RealWorld) -> list[str]:
    return [
        fill.trade_id for report in {report.id: report for report in world.reports()}.values() for fill in report.fills
    ]


def test_a_delivered_fill_is_booked_as_the_poll_would_have_booked_it() -> None:
    delivered, polled = Hooked(), Hooked()
    answer = delivered.send(delivered.rows())
    assert (answer.status, answer.body) == (
        202,
        {"account": "main", "booked": ["1"], "known": [], "external": [], "waiting": []},
    )
    polled.account().polled(polled.bars())
    assert [report.fills for report in delivered.reports() if report.fills] == [
        report.fills for report in polled.reports() if report.fills
    ]
    assert delivered.record("a") == polled.record("a")
    assert delivered.ledger.positions == polled.ledger.positions
    (report,) = [report for report in delivered.reports() if report.fills]
    assert report.cause == "fills/nonce-0123456789abcdef"


def test_a_request_that_comes_again_books_nothing_again_and_says_so() -> None:
    world = Hooked()
    rows = world.rows()
    assert world.send(rows).body["booked"] == ["1"]
    assert world.send(rows).body["known"] == ["1"]
    world.heal()
    assert (booked(world), laws(world)) == (["1"], [])


@pytest.mark.parametrize("poll_first", [True, False])
def test_a_fill_that_a_poll_tells_of_too_is_booked_once(poll_first: bool) -> None:
    world = Hooked(parts=2)
    acts = [lambda: world.account().polled(world.bars()), lambda: world.send(world.rows())]
    for act in acts if poll_first else reversed(acts):
        act()
    world.heal()
    assert (sorted(booked(world)), laws(world)) == (["1", "2"], [])


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_fills_may_arrive_in_any_order(arrival: tuple[int, ...]) -> None:
    world = Hooked(parts=3)
    rows = world.rows()
    for number in arrival:
        assert world.send([rows[number]]).body["booked"] == [str(number + 1)]
    assert (world.record("a").state, world.record("a").filled) == (OrderState.PARTIAL, D("1.5"))
    world.heal()
    assert laws(world) == []


def test_a_poll_still_fetches_what_was_traded_before_a_delivered_fill() -> None:
    world = Hooked(parts=1)
    world.wait(600)
    world.venue.fill(world.venue.orders[0], D("0.5"))
    world.send(world.rows()[1:])
    assert booked(world) == ["2"]
    world.heal()
    assert (sorted(booked(world)), laws(world)) == (["1", "2"], [])


def test_a_fill_that_overtakes_the_acknowledgement_is_booked_by_its_client_order_id() -> None:
    world = Hooked(parts=0)
    world.venue.faults = ["lost after"]
    world.account().place(world.approve(order("b")))
    assert world.record("b").state is OrderState.SUBMITTING
    assert world.send(world.rows()).body["booked"] == ["1"]
    assert world.record("b").state is OrderState.FILLED
    world.heal()
    assert laws(world) == []


def test_a_fill_without_that_id_waits_while_an_outcome_is_unknown() -> None:
    world = Hooked(parts=0)
    world.venue.named, world.venue.faults = False, ["lost after"]
    world.account().place(world.approve(order("b")))
    assert world.send(world.rows()).body["waiting"] == ["1"]
    assert (booked(world), world.ledger.real_money("main").external) == ([], frozenset())
    world.heal()
    assert laws(world) == []


def test_a_fill_of_no_order_of_the_desk_is_external_and_alarms_once() -> None:
    world = Hooked()
    rows = [world.rows()[0] | {"venue_order_id": "v77", "client_order_id": ""}]
    for _ in range(2):
        assert world.send(rows).body["external"] == ["1"]
    assert booked(world) == []
    assert [event for event in world.events if event.startswith("EXTERNAL")] == [
        "EXTERNAL: the venue has what no order of this desk made"
    ]


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "more than the order": ({"quantity": "2.1"}, "2.6 more were to fill"),
    "the other side": ({"side": "sell"}, "is a sell, the order a buy"),
    "another instrument": ({"instrument": B, "venue_order_id": "v1"}, "has another instrument or id"),
    "another id at the venue": ({"venue_order_id": "v2"}, "has another instrument or id"),
    "another client order id": ({"client_order_id": "x"}, "names x, the order is"),
    "of the future": ({"at": "2100-01-01T00:00:00Z"}, "is of the future"),
    "the same trade twice": ({"trade_id": "1"}, "is there more than once"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_fill_that_contradicts_its_order_refuses_the_whole_request(name: str) -> None:
    changes, words = CONTRADICTIONS[name]
    world = Hooked(parts=2)
    first, second = world.rows()
    answer = world.send([first, second | changes])
    assert (answer.status, answer.body["type"]) == (409, "urn:fanfold:problem:contradiction")
    assert words in answer.body["detail"]
    assert (booked(world), world.record("a").filled) == ([], D(0))
    assert "delivered trades contradict the orders" in world.events
    assert world.send([first, second]).status == 202


def test_a_booked_trade_that_is_delivered_with_another_quantity_is_refused() -> None:
    world = Hooked()
    world.send(world.rows())
    answer = world.send([world.rows()[0] | {"quantity": "0.4"}])
    assert (answer.status, "booked are 0.5" in answer.body["detail"]) == (409, True)


def test_a_fill_that_the_venue_does_not_confirm_shows_as_a_balance_that_differs() -> None:
    world = Hooked(parts=0)
    world.venue.fill(world.venue.orders[0], D("0.5"))
    world.heal(2)
    world.send([world.rows()[0] | {"trade_id": "invented"}])
    world.heal(2)
    assert "a balance differs from the books" in world.events
    assert A in world.ledger.real_money("main").frozen_instruments


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 9))
def test_a_process_that_dies_at_any_call_leaves_what_the_next_request_completes(nth: int, after: bool) -> None:
    world = Hooked(parts=2)
    try:
        world.send(world.rows(), fuse=Fuse(nth, after=after))
    except Crash:
        assert world.send(world.rows()).status == 202
    world.heal()
    world.ledger.sweep()
    assert (sorted(booked(world)), laws(world)) == (["1", "2"], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": b"a guess"},
        {"secret": b""},
        {"late": WINDOW_S + 1},
        {"late": -WINDOW_S - 1},
        {"headers": {NONCE: "nonce-fedcba9876543210"}},
        {"headers": {TIMESTAMP: "1700000000"}},
        {"headers": {SIGNATURE: ""}},
    ],
)
def test_a_request_without_a_fresh_signature_is_refused_before_it_is_read(changes: dict[str, Any]) -> None:
    world = Hooked()
    answer = world.send(world.rows(), **changes)
    assert (answer.status, answer.body["type"]) == (401, "urn:fanfold:problem:bad-signature")
    assert world.send([], "nobody", **changes).status == 401
    assert booked(world) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price": 100.5}, "$.fills[1].price"),
        ({"price": "1e3"}, "$.fills[1].price"),
        ({"price": "NaN"}, "$.fills[1].price"),
        ({"price": "0"}, "price is zero - at `$.fills[1].price`"),
        ({"quantity": "-1"}, "$.fills[1].quantity"),
        ({"quantity": "1\n"}, "$.fills[1].quantity"),
        ({"quantity": "0.00"}, "quantity is zero - at `$.fills[1].quantity`"),
        ({"fee_currency": ""}, "$.fills[1].fee_currency"),
        ({"side": "long"}, "$.fills[1].side"),
        ({"at": "2023-01-01T00:00:00"}, "$.fills[1].at"),
        ({"trade_id": ""}, "$.fills[1].trade_id"),
        ({"speed": 3}, "$.fills[1]"),
    ],
)
def test_an_invalid_body_is_refused_with_its_row_and_field(changes: dict[str, Any], words: str) -> None:
    world = Hooked(parts=2)
    first, second = world.rows()
    answer = world.send([first, second | changes])
    assert (answer.status, words in answer.body["detail"]) == (400, True), answer.body
    assert booked(world) == []


def test_the_sender_of_the_page_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "venues.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page.partition("## Fills by webhook")[2], re.DOTALL)
    script: dict[str, Any] = {}
    exec(block, script)
    world = Hooked()
    monkeypatch.setattr("time.time", world.now.timestamp)
    headers, body = script["request"](SECRETS[0], "main", [script["fill"] | {"at": world.now.isoformat()}])
    request = event("POST", "/fills", body=body)
    request["headers"] |= headers
    receiver = FillsReceiver(world.desk, lambda: SECRETS, lambda _account: world.account())
    answer = answered(lambda api_event: receiver.answer(api_event, world.now), request)
    assert (answer.status, answer.body["booked"]) == (202, ["1"])


@pytest.mark.parametrize("code", ["ParameterNotFound", "ThrottlingException"])
def test_a_secret_that_nobody_has_set_is_none_and_one_that_cannot_be_read_is_a_fault(code: str) -> None:
    def refuse(*_: Any) -> dict[str, Any]:
        raise AwsFault(code, "no", 400)

    secret = SecureParameter(refuse, "/fanfold/live/fills", lambda: AT)
    if code == "ParameterNotFound":
        assert secret.values_if_set() == {}
    else:
        with pytest.raises(AwsFault):
            secret.values_if_set()


def test_no_fills_and_too_many_are_refused() -> None:
    world = Hooked()
    assert world.send([]).status == 400
    assert world.send(world.rows() * 21).status == 400


@pytest.mark.parametrize(("account", "status"), [("nobody", 404), ("paper", 403)])
def test_an_account_that_is_not_live_here_takes_no_fills(account: str, status: int) -> None:
    world = Hooked()
    assert world.send(world.rows(), account).status == status


def test_an_account_whose_stage_does_not_name_its_venue_takes_no_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Hooked()

    def refuse(_self: Hooked, _fuse: Fuse | None) -> RealAccount:
        raise BadInput("the stage names none")

    monkeypatch.setattr(Hooked, "_real", refuse)
    answer = world.send(world.rows())
    assert (answer.status, answer.body["detail"]) == (403, "the stage names none")


def test_a_venue_that_does_not_value_a_fee_now_has_the_sender_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Hooked(parts=0)
    world.venue.fee_currency = "BNB"
    world.venue.fill(world.venue.orders[0], D("0.5"))

    def silent(_currency: str, _quote: str) -> None:
        raise VenueUnavailable("it is down")

    with monkeypatch.context() as patched:
        patched.setattr(world.venue, "worth", silent)
        assert world.send(world.rows()).status == 503
    assert booked(world) == []
    assert world.send(world.rows()).body["booked"] == ["1"]


def test_fills_of_ended_orders_are_booked_late_as_by_a_poll() -> None:
    world = Hooked(parts=1)
    late = world.rows()
    world.venue.lag_s = 10_000
    world.now += timedelta(seconds=1)
    world.venue.cancel(world.record("a").order, "v1")
    world.venue.orders[0].filled = D(0)
    world.account().polled(world.bars())
    assert world.send(late).body["booked"] == ["1"]
    assert world.record("a").filled == D("0.5")
