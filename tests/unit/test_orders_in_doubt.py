"""The alert of an order in doubt ends with the doubt, in whatever sequence the queue delivers its reports."""

from datetime import timedelta
from itertools import pairwise, permutations

import msgspec
import pytest

from alerts_service.rules import alerts_of
from execution_service import approved
from fanfold.alerts import record as states
from fanfold.alerts.entries import AlertChannel
from fanfold.alerts.record import SETTLED_S, AlertRecord
from fanfold.ledger import orders
from fanfold.ledger.orders import Harmless, OrderRecord
from fanfold.messages import ExecutionReport, OrdersApproved, OrderState
from fanfold_dev.documents.message_examples import EXAMPLES

PHONE = {"phone": AlertChannel()}
MESSAGE = next(message for message in EXAMPLES if isinstance(message, OrdersApproved))
AT_S = int(MESSAGE.at.timestamp())
ORDER = MESSAGE.orders[0]
CLAIMED = orders.claim(OrderRecord(order=ORDER), MESSAGE.at, 5, Harmless.UNSENT, real=True)
REJECTED_AGAIN = msgspec.structs.replace(CLAIMED, rejection="its venue rejected it")
DOUBTED = orders.quarantine(REJECTED_AGAIN, "not found, and no fence")


def life(*ends: OrderRecord, earlier_s: int = 0) -> list[ExecutionReport]:
    """Return the reports of an order that is in doubt, and then ends; those of its end may name an earlier time."""
    records = [CLAIMED, REJECTED_AGAIN, DOUBTED, *ends]
    steps = list(pairwise(records))
    reports = [approved.report(MESSAGE, [step]) for step in steps]
    late = MESSAGE.at - timedelta(seconds=earlier_s)
    return [
        msgspec.structs.replace(report, id=f"r{number}", at=MESSAGE.at if number < 2 else late)
        for number, report in enumerate(reports)
    ]


def delivered(reports: list[ExecutionReport]) -> AlertRecord | None:
    """Return the alert once a queue delivered reports, each a day after the one before."""
    record = None
    for day, report in enumerate(reports):
        now_s = AT_S + day * 86_400
        for alert in alerts_of(report, PHONE, now_s):
            record = states.with_event(record, alert, PHONE) or record
            record = record and with_notices(record, now_s)
            record = record and with_notices(record, now_s + SETTLED_S)
    return record


def with_notices(record: AlertRecord, now_s: int) -> AlertRecord:
    record, notices = states.with_claims(record, PHONE, now_s)
    for notice in notices:
        record = states.with_delivery(record, notice, now_s)
    return record


ACKNOWLEDGED = orders.acknowledge(DOUBTED, "v1")
LIVES = {
    "canceled": life(orders.close(DOUBTED, OrderState.CANCELED, "an operator ended it")),
    "canceled, at a time before the doubt": life(orders.close(DOUBTED, OrderState.CANCELED, "it ended"), earlier_s=60),
    "found, and canceled": life(ACKNOWLEDGED, orders.close(ACKNOWLEDGED, OrderState.CANCELED, "it expired")),
}


@pytest.mark.parametrize("name", LIVES)
def test_an_order_in_doubt_leaves_no_alert_open_in_whatever_sequence_its_reports_come(name: str) -> None:
    for reports in permutations(LIVES[name]):
        record = delivered(list(reports))
        assert record is not None
        assert not record.open, [report.id for report in reports]
        again = delivered([*reports, *reports])
        assert again is not None
        assert not again.open, [report.id for report in reports]


def test_the_alert_stays_open_while_the_order_is_in_doubt() -> None:
    (rejected, doubted, _) = LIVES["canceled"]
    for reports in ([doubted], [rejected, doubted], [doubted, rejected], [doubted, doubted]):
        record = delivered(reports)
        assert record is not None
        assert record.open
        assert "not found, and no fence" in record.text


def test_the_end_of_an_order_that_was_never_in_doubt_stores_nothing() -> None:
    closed = orders.close(CLAIMED, OrderState.CANCELED, "it ended")
    assert delivered([approved.report(MESSAGE, [(CLAIMED, closed)])]) is None
