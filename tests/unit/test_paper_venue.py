from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput, Conflict, VenueUnavailable
from fanfold.market.bars import Series
from fanfold.matching.fills import MatchResult
from fanfold.matching.paper import PaperVenue
from fanfold.matching.prices import Quote
from fanfold.messages import Fill, OrderState
from fanfold.simulation.book import MemoryBook
from support.paper_examples import DECIDED, SYMBOL, T, bar, desk, order, series


def venue() -> PaperVenue:
    return PaperVenue(desk(), MemoryBook())


def fills_of(settlement: MatchResult) -> list[Fill]:
    return [fill for resolution in settlement.resolutions for fill in resolution.fills]


def settle(paper: PaperVenue, *bars: Series) -> list[Fill]:
    settlement = paper.resolve("main", bars)
    paper.commit(settlement)
    return fills_of(settlement)


def test_the_same_client_order_id_twice_is_one_order() -> None:
    paper = venue()
    assert paper.place(order()) == paper.place(order())
    assert len(settle(paper, series(bar(1)))) == 1


def test_an_order_that_is_done_with_is_accepted_again_and_does_not_rest_again() -> None:
    paper = venue()
    accepted = paper.place(order())
    settle(paper, series(bar(1)))
    assert paper.place(order()) == accepted
    assert settle(paper, series(bar(2))) == []


def test_two_accounts_may_use_one_client_order_id() -> None:
    paper = venue()
    assert paper.place(order()) != paper.place(order(account="other"))
    assert [fill.account for fill in settle(paper, series(bar(1)))] == ["main"]
    assert [fill.account for fill in fills_of(paper.resolve("other", [series(bar(1))]))] == ["other"]


def test_an_order_that_the_desk_does_not_know_or_without_its_price_is_wrong_input() -> None:
    for wrong in (order(account="none"), order(instrument="XRP/USDT"), order(kind="limit")):
        with pytest.raises(BadInput):
            venue().place(wrong)


def test_resolving_changes_nothing_and_gives_the_same_until_it_is_committed() -> None:
    paper = venue()
    paper.place(order(quantity="200", reserved="30000"))
    first = paper.resolve("main", [series(bar(1))])
    assert fills_of(first)
    assert paper.resolve("main", [series(bar(1))]) == first


def test_after_a_crash_before_the_commit_orders_that_came_since_change_no_fill() -> None:
    paper = venue()
    paper.place(order("z", quantity="80", reserved="30000"))
    booked = fills_of(paper.resolve("main", [series(bar(1))]))
    paper.place(order("a", quantity="80", reserved="30000"))
    again = fills_of(paper.resolve("main", [series(bar(1))]))
    assert [fill for fill in again if fill.order_id == "z"] == booked


def test_matched_bars_fill_nothing_again_not_even_newer_orders() -> None:
    paper = venue()
    paper.place(order())
    assert settle(paper, series(bar(1)))
    paper.place(order("late"))
    assert settle(paper, series(bar(1))) == []
    assert [fill.order_id for fill in settle(paper, series(bar(1), bar(2)))] == ["late"]


def test_an_instrument_whose_bars_come_later_is_settled_by_them_all_the_same() -> None:
    paper = venue()
    paper.place(order("btc"))
    paper.place(order("eth", instrument="ETH/USDT"))
    assert [fill.order_id for fill in settle(paper, series(bar(2)))] == ["btc"]
    late = settle(paper, series(bar(1), instrument="ETH/USDT"))
    assert [(fill.order_id, fill.at) for fill in late] == [("eth", DECIDED + timedelta(seconds=60))]


def test_longer_bars_hold_the_same_trades_and_fill_nothing() -> None:
    paper = venue()
    paper.place(order())
    assert settle(paper, series(bar(5), timeframe="5m")) == []


def test_a_settlement_of_an_older_book_is_not_taken() -> None:
    paper = venue()
    paper.place(order(quantity="200", reserved="30000"))
    frozen = paper.resolve("main", [series(bar(1))])
    settle(paper, series(bar(1)))
    settle(paper, series(bar(2)))
    with pytest.raises(Conflict):
        paper.commit(frozen)


def test_an_order_that_arrives_between_resolve_and_commit_is_settled_with_the_others_anew() -> None:
    paper = venue()
    paper.place(order("a"))
    settlement = paper.resolve("main", [series(bar(1))])
    paper.place(order("b"))
    with pytest.raises(Conflict):
        paper.commit(settlement)
    assert [fill.order_id for fill in settle(paper, series(bar(1)))] == ["a", "b"]


def test_an_expired_order_is_reported_once_and_gone() -> None:
    paper = venue()
    paper.place(order(kind="limit", limit_price="50"))
    settle(paper, series(bar(5)))
    settlement = paper.resolve("main", [series(bar(6))])
    assert [(resolution.state, resolution.fills) for resolution in settlement.resolutions] == [(OrderState.EXPIRED, ())]
    paper.commit(settlement)
    assert paper.resolve("main", [series(bar(7))]).resolutions == []


def test_a_cancel_ends_an_order_at_once_without_waiting_for_a_bar() -> None:
    paper = venue()
    paper.place(order(kind="limit", limit_price="50"))
    paper.place(order("o2", kind="limit", limit_price="50"))
    paper.cancel("main", "c-o1", DECIDED + timedelta(seconds=30), "the account is HALTED")
    paper.cancel("main", "c-o1", DECIDED + timedelta(hours=1), "again")
    paper.cancel("main", "unknown", DECIDED)
    (over,) = paper.resolve("main").resolutions
    assert (over.state, over.resting.canceled_at) == (OrderState.CANCELED, DECIDED + timedelta(seconds=30))
    assert (over.resting.order.order_id, over.resting.reason) == ("o1", "the account is HALTED")


def test_a_cancel_between_resolve_and_commit_is_not_lost() -> None:
    paper = venue()
    paper.place(order(quantity="200", reserved="30000"))
    settlement = paper.resolve("main", [series(bar(1))])
    paper.cancel("main", "c-o1", DECIDED + timedelta(seconds=60))
    with pytest.raises(Conflict):
        paper.commit(settlement)
    assert [resolution.state for resolution in paper.resolve("main", [series(bar(1))]).resolutions] == [
        OrderState.CANCELED
    ]


def test_a_canceled_order_ends_also_while_there_is_no_price() -> None:
    def unavailable(_instrument: str) -> Quote:
        raise VenueUnavailable("no prices")

    paper = PaperVenue(desk(), MemoryBook(), unavailable)
    paper.place(order())
    paper.cancel("main", "c-o1", DECIDED)
    assert [resolution.state for resolution in paper.resolve("main").resolutions] == [OrderState.CANCELED]


def test_resting_orders_are_reported_with_what_happens_to_them() -> None:
    paper = venue()
    paper.place(order(kind="limit", limit_price="50"))
    assert [resting.order.order_id for resting in paper.resolve("main", [series(bar(1))]).resting] == ["o1"]


def test_with_quotes_a_market_order_fills_at_once_and_bars_leave_it_alone() -> None:
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    paper = PaperVenue(desk(), MemoryBook(), {SYMBOL: quote}.__getitem__)
    paper.place(order(reserved="203"))
    paper.place(order("limit", kind="limit", limit_price="100"))
    assert [(fill.order_id, fill.price) for fill in settle(paper)] == [("o1", Decimal("101.1"))]
    assert [(fill.order_id, fill.price) for fill in settle(paper, series(bar(1)))] == [("limit", Decimal(100))]


def test_with_quotes_an_ioc_limit_takes_at_once_too() -> None:
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    paper = PaperVenue(desk(), MemoryBook(), {SYMBOL: quote}.__getitem__)
    paper.place(order(kind="limit", time_in_force="ioc", limit_price="102", reserved="205"))
    assert [fill.price for fill in settle(paper)] == [Decimal("101.1")]


def test_a_quote_of_before_the_decision_leaves_the_order_for_the_next_one() -> None:
    stale = Quote(Decimal(100), Decimal(101), DECIDED - timedelta(seconds=1))
    paper = PaperVenue(desk(), MemoryBook(), {SYMBOL: stale}.__getitem__)
    paper.place(order())
    assert settle(paper, series(bar(1))) == []


@given(data=st.data())
def test_however_bars_are_repeated_and_crashes_fall_the_same_fills_come_out(data: st.DataObject) -> None:
    bars = [bar(n, lots=data.draw(st.integers(0, 3_000))) for n in range(1, 6)]
    orders = [order(f"o{n}", quantity="1.5") for n in range(3)]
    straight, shaken = venue(), venue()
    for single in orders:
        straight.place(single)
        shaken.place(single)
    wanted = {fill.trade_id: fill for fill in settle(straight, series(*bars))}
    booked: dict[str, Fill] = {}
    for through in [*data.draw(st.lists(st.integers(1, 5), max_size=8)), 5]:
        settlement = shaken.resolve("main", [series(*bars[:through])])
        for fill in fills_of(settlement):
            assert booked.setdefault(fill.trade_id, fill) == fill
        if through == 5 or data.draw(st.booleans()):
            shaken.commit(settlement)
    assert booked == wanted


def test_a_settlement_says_how_far_each_instrument_is_settled() -> None:
    paper = venue()
    settle(paper, series(bar(1)), series(bar(2), instrument="ETH/USDT"))
    assert paper.resolve("main").matched_through_s == {SYMBOL: T + 60, "ETH/USDT": T + 120}
