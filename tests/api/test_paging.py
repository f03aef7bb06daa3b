"""A year of orders: what a page and the status read does not grow with it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_service import read_api
from audit_service.read_orders import LOOKED_AT_MAX
from fanfold import ids
from fanfold.audit.chain import Tip
from fanfold.audit.open_orders import FIRST_LOOK, LOOK_BACK, OpenOrders
from fanfold.audit.queries import DECISIONS, is_open
from fanfold.audit.read_cache import ReadCache
from fanfold.messages import Order
from support.api_desk import NOW, READER, Answer, answered, event, history, small_desk

YEAR = 365
A_DAY = 10
DECIDED = 2


class Years:
    """The views of an account that decided on ``A_DAY`` orders a day, two at a time; counts what is looked up."""

    def __init__(self, days: int, template: Order, refused: AbstractSet[int] = frozenset()) -> None:
        self.looked_up = 0
        self._refused = refused
        numbers = range(days * A_DAY)
        orders = [msgspec.structs.replace(template, order_id=ids.derive("paged", number),
                                          decided_at=NOW + timedelta(days=number // A_DAY, minutes=number // DECIDED))
                  for number in numbers]  # fmt: skip
        self._items = {order.order_id: (number, order) for number, order in enumerate(orders)}
        self._decisions = [self._place(orders[at : at + DECIDED]) for at in
                           range(len(orders) - DECIDED, -1, -DECIDED)]  # fmt: skip

    def _place(self, decided: list[Order]) -> tuple[str, list[str]]:
        ids = sorted((order.order_id for order in decided), reverse=True)
        return f"{decided[0].decided_at.isoformat(timespec='microseconds')}#{ids[0]}#m", ids

    def decisions(self, account: str, until: str):
        return (decision for decision in self._decisions if account == "main" and (not until or decision[0] <= until))

    def orders_by_id(
        self, account: str, ids: Sequence[str], *, consistent: bool = True
    ) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        self.looked_up += len(ids)
        rows = {}
        for order_id in filter(self._items.__contains__, ids):
            number, order = self._items[order_id]
            row = {"order": msgspec.to_builtins(order), "message_id": "m"}
            rows[order_id] = row | ({"code": "KILL_STATE", "detail": "d"} if number in self._refused else {}), {}
        return rows

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        return {}

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        return []

    def orders(self, account: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return []

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        return []

    def aside(self, stream: str, after: int) -> dict[int, str]:
        return {}

    def tips(self) -> list[Tip]:
        return []


@pytest.fixture(scope="module")
def template() -> Order:
    return next(message.orders[0] for message in history(2) if hasattr(message, "orders"))


def get(views: Years, path: str, query: str = "") -> Answer:
    request = event("GET", path, query, who=READER)
    # What orders are read from alone.
    no_log: Any = None
    parts = read_api.ReadParts(views, OpenOrders(views), no_log, no_log, ReadCache(views, no_log))
    return answered(lambda api_event: read_api.answer(api_event, small_desk(), parts, NOW), request)


@pytest.mark.parametrize(("path", "query"), [("/orders", ""), ("/orders", "limit=100"), ("/status", "")])
def test_a_page_costs_the_same_after_a_month_and_a_year_of_orders(template, path, query):
    month, year = Years(30, template), Years(YEAR, template)
    for views in (month, year):
        assert get(views, path, query).status == 200
    assert month.looked_up == year.looked_up < (FIRST_LOOK.days + 2) * A_DAY + 2 * DECISIONS * DECIDED


def test_the_status_counts_what_is_open_of_the_last_days(template):
    main, _ = get(Years(YEAR, template), "/status").body["accounts"]
    assert FIRST_LOOK.days * A_DAY <= main["open_orders"] <= (FIRST_LOOK.days + 1) * A_DAY


def test_a_cursor_between_two_orders_of_a_decision_continues_with_the_second(template):
    views = Years(2, template)
    seen, cursor = [], ""
    while cursor is not None:
        page = get(views, "/orders", "limit=3" + (f"&cursor={cursor}" if cursor else "")).body
        seen += [order["order_id"] for order in page["orders"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 2 * A_DAY


def test_a_filter_finds_orders_behind_many_that_do_not_match(template):
    """A page may end early, even empty, and then says where to go on."""
    views = Years(YEAR, template, refused={0})
    orders, pages, cursor = [], 0, ""
    while cursor is not None:
        views.looked_up = 0
        page = get(views, "/orders", "refused=true" + (f"&cursor={cursor}" if cursor else "")).body
        assert views.looked_up <= LOOKED_AT_MAX + 2 * DECISIONS * DECIDED
        orders, pages, cursor = orders + page["orders"], pages + 1, page["next"]
    assert [order["code"] for order in orders] == ["KILL_STATE"]
    assert pages == YEAR * A_DAY // LOOKED_AT_MAX + 1


class Changing(Years):
    """An account whose orders are closed, refused, and decided once more, between two looks."""

    def __init__(self, days: int, template: Order) -> None:
        super().__init__(days, template)
        self.closed: set[str] = set()
        self.settled: set[str] = set()

    def orders_by_id(
        self, account: str, ids: Sequence[str], *, consistent: bool = True
    ) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        state = {"state": "FILLED", "filled": "0.5", "at": NOW.isoformat()}
        rows = super().orders_by_id(account, ids)
        if not consistent:
            # As if nothing of what closed just now were to be seen yet.
            return {name: (row, state if name in self.settled else {}) for name, (row, _) in rows.items()}
        return {name: (row, state if name in self.closed else {}) for name, (row, _) in rows.items()}

    def decide(self, order: Order) -> None:
        self._items[order.order_id] = len(self._items), order
        self._decisions.insert(0, self._place([order]))

    def really_open(self) -> set[str]:
        return {order_id for order_id in self._items if order_id not in self.closed}


@given(steps=st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=20))
def test_each_look_has_exactly_the_orders_that_are_open(template, steps):
    """Decisions come up to an hour late, orders close in any sequence."""
    views = Changing(2, template)
    looks, newest = OpenOrders(views), NOW + timedelta(days=2)
    for number, (drawn, decides) in enumerate(steps):
        if decides:
            late = timedelta(minutes=drawn % 60)
            views.decide(
                msgspec.structs.replace(template, order_id=ids.derive("later", number), decided_at=newest - late)
            )
            views._decisions.sort(reverse=True)
        else:
            views.closed.add(list(views._items)[drawn % len(views._items)])
        assert {order["order_id"] for order in looks.of("main")} == views.really_open()
    assert timedelta(minutes=59) <= LOOK_BACK


def test_a_second_look_reads_only_what_may_have_changed(template):
    views = Changing(YEAR, template)
    looks = OpenOrders(views)
    views.closed = {order["order_id"] for order in looks.of("main")[3:]}
    looks.of("main")
    views.looked_up = 0
    assert len(looks.of("main")) == views.looked_up == 3
    assert all(map(is_open, looks.of("main")))


def test_an_order_whose_decision_is_recorded_before_it_is_looked_at_again(template):
    views = Changing(1, template)
    looks = OpenOrders(views)
    late = views._items.popitem()
    assert late[0] not in {order["order_id"] for order in looks.of("main")}
    views._items[late[0]] = late[1]
    assert {order["order_id"] for order in looks.of("main")} == views.really_open()


def test_an_order_is_looked_at_again_until_its_views_are_of_its_last_decision(template):
    views = Changing(1, template)
    place, decided = views._decisions[0]
    views._decisions[0] = f"{place}-later", decided
    views.closed = set(views._items)
    looks = OpenOrders(views)
    assert looks.of("main") == []
    views.closed -= set(decided)
    assert {order["order_id"] for order in looks.of("main")} == set(decided)


def test_a_first_look_that_is_late_still_has_exactly_the_orders_that_are_open(template):
    views = Changing(2, template)
    every = list(views._items)
    views.closed, views.settled = set(every[:15]), set(every[:5])
    assert {order["order_id"] for order in OpenOrders(views).of("main")} == views.really_open() == set(every[15:])
