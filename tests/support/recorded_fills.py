"""The AWS calls of the function for fills at a real venue: a booking, a repetition, a fill of no order of ours."""

from typing import Any

import msgspec
from moto import mock_aws

from execution_service.real import RealAccount
from fanfold.aws.client.call import Credentials, Endpoint, RecordedCall, with_recording
from fanfold.aws.client.connect import connect
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.secrets import SecureParameter
from fanfold.aws.sns import Topics
from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import OrdersApproved, TradingState
from fanfold.risk.poll import PollState
from fanfold.simulation.schedules.venue import RealVenue
from support.execution_world import AT, DESK, D, halted, order
from support.ledger_examples import create_table
from support.packaged_stacks import REGION, Function
from support.real_world import Events

KEYS = {"Parameter": {"Value": '{"first": "a key"}', "Version": 1}}
ENDPOINT = Endpoint(region=REGION, credentials=Credentials(access_key="test", secret_key="test"))


def delivered_calls(function: Function) -> list[RecordedCall]:
    """The calls of a delivery to a function that reads the secret of fills."""
    made: list[RecordedCall] = []
    name = function.environment["FILLS_SECRET"]
    SecureParameter(with_recording(lambda *_: KEYS, made.append), name, lambda: AT).values()
    with mock_aws():
        moto = connect("boto3", ENDPOINT)
        ledger_table = function.environment["LEDGER_TABLE"]
        create_table(moto, ledger_table)
        topic = {"executions": function.environment["EXECUTIONS_TOPIC"]}

        def account(call: Any, venue: RealVenue) -> RealAccount:
            table = Table(call, ledger_table)
            store = DynamoLedger(table, Outbox(table, "execution", Topics(call, topic)))
            return RealAccount(
                "main", DESK, Bookings(store, AT_ONCE, beside=changes_of(DESK)), venue, lambda: AT, Events()
            )

        def answer(service: str, operation: str, parameters: Any) -> dict[str, Any]:
            return moto(service, operation, parameters) if service == "dynamodb" else {}

        venue = _placed(answer, account, ledger_table)
        trades = [trade for _, trade in venue.traded]
        recorded = account(with_recording(answer, made.append), venue)
        stranger = msgspec.structs.replace(trades[0], trade_id="x", venue_order_id="v9", client_order_id="")
        for reported in (trades[:1], trades, [stranger]):
            assert recorded.deliver(reported, "fills/recorded").wrong == []
    return made


def _placed(call: Any, account: Any, ledger_table: str) -> RealVenue:
    """Return a venue at which an order of the account has filled in two parts that nobody told of."""
    table, venue = Table(call, ledger_table), RealVenue(lambda: AT)
    risk = Approvals(DynamoLedger(table, Outbox(table, "risk", Topics(call, {}))), AT_ONCE)
    risk.open("main", D(10_000), halted(TradingState.ACTIVE))
    approval = OrdersApproved(id="approved", cause="t", at=AT, account="main", orders=[order("a")])
    assert risk.approve(risk.book("main", PollState()), approval, 1, 1) == []
    venue.faults = ["rests"]
    account(call, venue).place(approval)
    for _ in range(2):
        venue.fill(venue.orders[0], D(1))
    return venue
