"""A message that is too long for a topic goes out in parts that are not, and says the same."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold import splitting
from fanfold.codes import Code
from fanfold.messages import (
    ExecutionReport,
    Message,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    encode,
)
from support.paper_examples import fill, order

AT = datetime(2026, 3, 1, tzinfo=UTC)
TOPIC_MAX = 262_144


def refused(count: int) -> OrdersRefused:
    refusals = [Refusal(order=order(f"o{n}"), code=Code.CASH, detail="x" * 100) for n in range(count)]
    return OrdersRefused(id="m", cause="c", at=AT, account="main", refusals=refusals)


def report(updates: int, fills: int, positions: int) -> ExecutionReport:
    return ExecutionReport(
        id="m",
        cause="c",
        at=AT,
        account="main",
        venue="v",
        matched=True,
        poll_id="b",
        cash=Decimal(1),
        version=7,
        updates=[
            OrderUpdate(
                order_id=f"{n}",
                client_order_id="c",
                instance="i",
                instrument="A/B",
                state=OrderState.OPEN,
                filled=Decimal(0),
                reason="r" * 150,
            )
            for n in range(updates)
        ],
        fills=[fill("buy", "1", "100", trade_id=f"t{n}") for n in range(fills)],
        positions=[
            PositionSnapshot(
                instance=f"i{n}",
                instrument="A/B",
                quantity=Decimal(1),
                cost=Decimal(1),
                realised=Decimal(1),
                fees=Decimal(1),
                version=1,
            )
            for n in range(positions)
        ],
    )


@pytest.mark.parametrize(
    "message", [refused(3), report(2, 2, 2), OrdersApproved(id="a", cause="c", at=AT, account="main", orders=[order()])]
)
def test_a_message_that_fits_is_not_split(message: Message) -> None:
    assert splitting.split(message) == [message]


@pytest.mark.parametrize("count", [600, 5_000])
def test_many_refusals_go_out_in_parts_each_under_the_limit(count: int) -> None:
    whole = refused(count)
    parts = splitting.split(whole)
    assert all(len(encode(part)) < TOPIC_MAX - 10_000 for part in parts)
    assert [entry for part in parts if isinstance(part, OrdersRefused) for entry in part.refusals] == whole.refusals
    assert len({part.id for part in parts}) == len(parts)
    assert splitting.split(whole) == parts


@given(updates=st.integers(0, 1_500), fills=st.integers(0, 1_500), positions=st.integers(0, 1_500))
@settings(max_examples=20, deadline=None)
def test_a_reports_parts_say_what_it_says_and_the_last_alone_that_all_is_matched(
    updates: int, fills: int, positions: int
) -> None:
    whole = report(updates, fills, positions)
    parts = [part for part in splitting.split(whole) if isinstance(part, ExecutionReport)]
    assert [part.matched for part in parts] == [False] * (len(parts) - 1) + [True]
    assert [entry for message in parts for entry in message.updates] == whole.updates
    assert [entry for part in parts for entry in part.fills] == whole.fills
    assert [entry for part in parts for entry in part.positions] == whole.positions
    assert all((part.cash, part.version, part.poll_id) == (whole.cash, 7, "b") for part in parts)
    assert all(len(encode(part)) < TOPIC_MAX - 10_000 for part in parts)
