"""Fills by signed webhook through the deployed function: of an order whose outcome its desk does not know yet."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fanfold.api.webhooks import NONCE, SIGNATURE, TIMESTAMP, signature
from fanfold.aws.dynamodb import ledger
from fanfold.cli.box_checks import BoxComparison
from fanfold.deployment import STAGE
from fanfold.local.driver import invoke
from support.api_desk import Answer, answered, event
from support.boxed_desk import BoxedDesk, boxed_desk, put_parameter
from support.bundle_desk import LEGS

PARAMETER = f"/fanfold/{STAGE}/fills"
SECRET, OTHER = b"what this sender signs with", b"what nobody agreed on"
LEG = LEGS[0]
A_STRANGER = {"trade_id": "999999", "venue_order_id": "888888", "client_order_id": "somebody-else"}


class Journey(NamedTuple):
    """The function's answers, the trades that the exchange has, and what is left when all is over."""

    answers: dict[str, Answer]
    trades: list[str]
    states: dict[str, str]
    compared: BoxComparison
    external: frozenset[str]
    log: str


@pytest.fixture(scope="module")
def journey(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """An order of which the answer was lost is told of by webhook, and by the minute's sweep after that."""
    state = tmp_path_factory.mktemp("fills") / "state"
    with boxed_desk(state, deployed, {"fills": {"FILLS_SECRET": PARAMETER}}) as traded:
        answers = {"without a secret": send(traded, [], SECRET)}
        put_parameter(traded, PARAMETER, {"sender": SECRET.decode()})
        traded.arm("reply_lost_after", LEG, 1)
        traded.want(0.3)
        (unknown,) = [order.order_id for order in ledger.live(traded.table, "main")]
        fills, states = fills_of(traded), {"before": state_of(traded, unknown)}
        answers["forged"] = send(traded, fills, OTHER)
        states["forged"] = state_of(traded, unknown)
        answers["taken"] = send(traded, fills, SECRET)
        states["taken"] = state_of(traded, unknown)
        answers["again"] = send(traded, fills, SECRET)
        answers["stranger"] = send(traded, [fills[0] | A_STRANGER], SECRET)
        traded.minute()
        external = traded.books().real.external
        states["after"] = state_of(traded, unknown)
        return Journey(
            answers,
            [fill["trade_id"] for fill in fills],
            states,
            traded.compared(),
            external,
            traded.log("fills"),
        )


def fills_of(traded: BoxedDesk) -> list[dict[str, Any]]:
    """Return the trades of the leg as somebody tells of them who reads the exchange's stream."""
    (order,) = [row for row in traded.ask("orders") if row["symbol"] == LEG.replace("/", "")]
    return [
        {
            "trade_id": str(trade["id"]), "venue_order_id": str(trade["orderId"]), "instrument": LEG,
            "client_order_id": order["clientOrderId"], "side": "buy", "price": trade["price"],
            "quantity": trade["qty"], "fee": trade["commission"], "fee_currency": trade["commissionAsset"],
            "liquidity": "taker", "at": traded.now.isoformat(),
        }
        for trade in traded.ask("trades")
        if trade["orderId"] == order["orderId"]
    ]  # fmt: skip


def send(traded: BoxedDesk, fills: list[dict[str, Any]], secret: bytes) -> Answer:
    body = json.dumps({"account": "main", "fills": fills})
    at, nonce = str(int(traded.now.timestamp())), "nonce-of-the-journey"
    request = event("POST", "/fills", body=body)
    request["headers"] |= {TIMESTAMP: at, NONCE: nonce, SIGNATURE: signature(secret, at, nonce, body.encode())}
    return answered(lambda api_event: invoke(traded.run.call, "execution", "fills", api_event), request)


def state_of(traded: BoxedDesk, order_id: str) -> str:
    return str(ledger.records(traded.table, [order_id])[order_id].state)


def test_a_fill_is_in_the_books_before_the_desk_knows_what_became_of_its_order(journey: Journey) -> None:
    assert journey.states["before"] == "SUBMITTING"
    assert journey.trades
    answer = journey.answers["taken"]
    assert (answer.status, answer.body) == (
        202, {"account": "main", "booked": journey.trades, "known": [], "external": [], "waiting": []}
    )  # fmt: skip
    assert journey.states["taken"] == "FILLED"


def test_what_is_sent_again_or_fetched_after_it_is_booked_once_and_the_books_are_the_exchanges(
    journey: Journey,
) -> None:
    assert journey.answers["again"].body["known"] == journey.trades
    assert journey.answers["again"].body["booked"] == []
    assert journey.compared.violations == []
    assert (journey.compared.approved, journey.compared.at_exchange) == (len(LEGS), len(LEGS))
    assert journey.states["after"] == "FILLED"


@pytest.mark.parametrize("sender", ["without a secret", "forged"])
def test_without_the_secret_nothing_is_booked_and_the_problem_says_why(journey: Journey, sender: str) -> None:
    answer = journey.answers[sender]
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.body["status"], answer.body["title"]) == (401, "Unauthorized")
    assert journey.states["forged"] == "SUBMITTING"


def test_a_strangers_fill_is_external_and_alarms(journey: Journey) -> None:
    assert journey.answers["stranger"].body["external"] == [A_STRANGER["trade_id"]]
    assert journey.external == {f"trade {LEG} {A_STRANGER['trade_id']}"}
    assert "EXTERNAL: the venue has what no order of this desk made" in journey.log
    assert '"OrdersOverdue":1' in journey.log.replace(" ", "")
