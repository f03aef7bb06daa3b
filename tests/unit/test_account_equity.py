"""The equity of a span, led back from the books as they are: the same as from the first fill on, to the last digit."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fanfold.audit.account_equity import BooksNow, below, deepest, equity_span
from fanfold.ledger import positions
from fanfold.messages import Fill
from fanfold.money import ZERO, exact
from fanfold.performance.equity import equity_curve

START, BARS = 1_767_225_600, 12
CASH = Decimal(10_000)
A, B = "BTC/USDT", "ETH/USDT"
amounts = st.decimals("0.001", "5", places=3)
prices = st.decimals("1", "500", places=2)


@st.composite
def trades(draw) -> Fill:
    second = draw(st.integers(1, BARS * 60))
    return Fill(
        trade_id=str(draw(st.integers(0, 10**9))), order_id="o", client_order_id="c", account="main", venue="v",
        instance=draw(st.sampled_from(["trend", "pairs"])), instrument=draw(st.sampled_from([A, B])),
        side=draw(st.sampled_from(["buy", "sell"])), price=draw(prices), quantity=draw(amounts),
        fee=draw(st.decimals("0", "1", places=4)), liquidity="taker", at=datetime.fromtimestamp(START + second, UTC),
    )  # fmt: skip


closes = st.lists(st.tuples(prices, prices), min_size=BARS + 1, max_size=BARS + 1).map(
    lambda rows: {START + n * 60: {A: first, B: second} for n, (first, second) in enumerate(rows)}
)


@exact
def books_after(fills: list[Fill]) -> BooksNow:
    """The books that fills lead to."""
    held: dict[tuple[str, str], Decimal] = {}
    for fill in fills:
        leg = fill.instance, fill.instrument
        held[leg] = held.get(leg, ZERO) + positions.received(fill)
    return BooksNow(CASH + sum(map(positions.cash_flow, fills), ZERO), held)


@given(fills=st.lists(trades(), max_size=12), closes=closes)
def test_the_equity_led_back_from_the_books_is_that_of_the_report(fills, closes):
    span = equity_span(books_after(fills), fills, closes)
    report = equity_curve(START, CASH, fills, closes)
    by_time = {point.at: point.equity for point in report.points}
    assert dict(zip(span.at, span.equity, strict=True)) == by_time


@given(fills=st.lists(trades(), max_size=12), closes=closes, first=st.integers(0, BARS))
def test_a_later_span_has_the_same_equity(fills, closes, first):
    books = books_after(fills)
    later = {at: shown for at, shown in closes.items() if at >= START + first * 60}
    whole, part = equity_span(books, fills, closes), equity_span(books, fills, later)
    assert part.equity == whole.equity[first:]


@given(fills=st.lists(trades(), max_size=12), closes=closes)
def test_the_instances_add_up_to_what_the_account_gained(fills, closes):
    span = equity_span(books_after(fills), fills, closes)
    with_all = [sum(results, ZERO) for results in zip(*span.results.values(), strict=True)] or [ZERO] * len(span.at)
    assert [value - span.equity[0] for value in span.equity] == with_all


def test_without_a_close_there_is_nothing_to_draw():
    span = equity_span(BooksNow(CASH, {("trend", A): Decimal(1)}), [], {})
    assert (span.at, span.equity, span.marks) == ([], [], {})


def test_a_fall_is_measured_from_the_highest_before_it():
    assert deepest([Decimal(100), Decimal(80), Decimal(120), Decimal(90)]) == -0.25
    assert (deepest([]), below(Decimal(1), ZERO)) == (0.0, 0.0)
