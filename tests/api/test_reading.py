"""Reading over HTTP: what audit recorded, each item once however it is paged, and nothing for a wrong question."""

from decimal import Decimal
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from fanfold.api.pagination import decode_cursor, encode_cursor, page
from fanfold.api.problems import Problem
from fanfold.messages import LegCode, LegState, LegStatus
from support.api_desk import DAY, NOW, ORDERS, READER, A, World, answered, event, history


def walked(world: World, path: str, name: str, limit: int, **query: str) -> list[dict]:
    """All items, page by page."""
    items, cursor = [], None
    while True:
        parameters = query | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        answer = world.get(path, urlencode(parameters))
        assert answer.status == 200
        assert len(answer.body[name]) <= limit
        items += answer.body[name]
        cursor = answer.body["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize("limit", [1, 7, ORDERS, 100])
def test_walking_the_cursors_gives_every_order_once_newest_first(traded, limit):
    orders = walked(traded, "/orders", "orders", limit)
    places = [(order["decided_at"], order["order_id"]) for order in orders]
    assert len(orders) == ORDERS
    assert places == sorted(set(places), reverse=True)


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_walking_the_cursors_gives_every_trade_of_the_day_once(traded, limit):
    trades = walked(traded, "/trades", "trades", limit, account="main", day=DAY)
    assert sorted(trade["trade_id"] for trade in trades) == sorted(f"t{n}" for n in range(1, ORDERS, 3))


@given(
    places=st.sets(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=30),
    later=st.sets(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=5),
    limit=st.integers(1, 7),
)
def test_orders_created_between_two_pages_neither_repeat_nor_hide_others(places, later, limit):
    shown, following = page(sorted(places, reverse=True), lambda place: place, None, limit, ("q",))
    now = places | later
    while following is not None:
        more, following = page(sorted(now, reverse=True), lambda place: place, following, limit, ("q",))
        shown += more
    assert len(shown) == len(set(shown))
    assert set(shown) >= places
    assert set(shown) <= now


def test_orders_can_be_filtered_by_state_and_instrument(traded):
    assert {order["state"] for order in walked(traded, "/orders", "orders", 100, refused="true")} == {"REFUSED"}
    assert {order["state"] for order in walked(traded, "/orders", "orders", 100, open="true")} == {"APPROVED"}
    only = walked(traded, "/orders", "orders", 100, instrument=A)
    assert {order["instrument"] for order in only} == {A}
    assert len(only) == ORDERS / 2


def test_a_cursor_is_valid_only_unchanged_and_for_its_own_query(traded):
    cursor = traded.get("/orders", "limit=1").body["next"]
    wrong = [cursor[:-1], cursor + "A", cursor[::-1], "", "ä", "%00"]
    wrong += [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(0, len(cursor), 19)]
    for bad_cursor in wrong:
        answer = traded.get("/orders", f"limit=1&cursor={quote(bad_cursor)}")
        assert (answer.status, answer.body["type"]) == (400, "urn:fanfold:problem:bad-cursor"), bad_cursor
    assert traded.get("/orders", f"limit=1&open=true&cursor={cursor}").status == 400
    assert traded.get("/orders", f"limit=9&cursor={cursor}").status == 200


@given(position=st.lists(st.text(), max_size=3).map(tuple), scope=st.tuples(st.text()))
def test_a_cursor_decodes_to_what_was_encoded(position, scope):
    assert decode_cursor(encode_cursor(position, scope), scope) == position
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(position, scope), (*scope, "other"))


def test_an_order_shows_its_fills_and_its_lineage(traded):
    filled = next(order for order in walked(traded, "/orders", "orders", 100) if order["state"] == "FILLED")
    page = traded.get(f"/orders/{filled['order_id']}").body
    assert page["order"] == filled
    assert [Decimal(fill["quantity"]) for fill in page["fills"]] == [Decimal("0.5")]
    assert [step["kind"] for step in page["chain"]] == ["OrdersApproved", "Targets"]
    assert page["chain"][1]["weight"] == 0.5
    assert page["chain"][0]["hash"]


def test_status_positions_and_signals_are_what_was_recorded(traded):
    main, spare = traded.get("/status").body["accounts"]
    assert (main["trading_state"], Decimal(main["cash"]), main["positions"]) == ("ACTIVE", Decimal("9949.9"), 2)
    assert main["open_orders"] == ORDERS / 3
    assert (spare["trading_state"], spare["cash"], spare["as_of"]) == ("not opened", "10000", None)
    assert len(traded.get("/positions", "account=main").body["positions"]) == 2
    (signal,) = traded.get("/signals").body["signals"]
    assert (signal["instance"], signal["weight"]) == ("trend", 0.5)


def test_status_has_what_signal_and_risk_report_of_a_leg(call):
    def leg_status(number, code, was=UNSET, name="trend"):
        states = [LegState(instance=name, instrument=A, code=code, detail="why", was=was)]
        return LegStatus(id=f"{number}", cause="c", at=NOW, account="main", statuses=states)

    recorded = [
        leg_status(1, LegCode.STOPPED_OUT),
        leg_status(2, LegCode.FAULT),
        leg_status(3, LegCode.FAULT, name="gone"),
    ]
    main = World(call, recorded, "desk-legs").get("/status", "account=main").body["accounts"][0]
    assert [(leg["instance"], leg["code"], leg["detail"]) for leg in main["legs"]] == [
        ("trend", "STOPPED_OUT", "why"),
        ("trend", "FAULT", "why"),
    ]
    recovered = World(call, [*recorded, leg_status(4, LegCode.OK, was=LegCode.FAULT)], "desk-legs-later")
    (leg,) = recovered.get("/status", "account=main").body["accounts"][0]["legs"]
    assert leg["code"] == "STOPPED_OUT"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/orders", "limit=0", 400),
        ("/orders", "limit=101", 400),
        ("/orders", "limit=many", 400),
        ("/orders", "limit=", 400),
        ("/orders", "limit=1&limit=2", 400),
        ("/orders", "open=true&refused=true", 400),
        ("/orders", "open=perhaps", 400),
        ("/orders", "speed=3", 400),
        ("/orders", "account=gone", 404),
        ("/orders", "instrument=" + "x" * 3_000, 400),
        ("/orders/gone", "", 404),
        ("/orders/", "", 404),
        ("/orders/a/b", "", 404),
        ("/orders/%00", "", 404),
        ("/trades", "", 400),
        ("/trades", "account=main", 400),
        ("/trades", "account=main&day=2026-02-30", 400),
        ("/trades", "account=main&day=yesterday", 400),
        ("/trades", "account=gone&day=2026-03-01", 404),
        ("/status", "account=gone", 404),
        ("/status", "acount=main", 400),
        ("/gone", "", 404),
        ("/", "", 404),
        ("", "", 404),
    ],
)
def test_an_invalid_query_is_explained(traded, path, query, status):
    answer = traded.get(path, query)
    assert (answer.status, answer.body["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["detail"]
    assert answer.body["title"]


def test_an_id_that_no_key_of_a_table_can_hold_is_not_looked_up(traded):
    answer = traded.get("/orders/" + "a" * 1_500)
    assert (answer.status, answer.body["detail"]) == (404, "an order's id has no 1500 characters; give the whole id")


def test_an_empty_desk_has_empty_pages(world):
    assert world.get("/orders").body == {"orders": [], "next": None}
    assert world.get("/trades", f"account=main&day={DAY}").body == {"trades": [], "next": None}


def test_a_body_that_claims_to_be_base64_and_is_not_is_rejected(traded):
    request = event("GET", "/status", who=READER) | {"body": "a", "isBase64Encoded": True}
    assert answered(traded.read, request).status == 400


def test_the_history_has_all_kinds_of_orders():
    assert len({type(message) for message in history(4)}) == 5


def test_bars_are_asked_of_an_instrument_and_timeframe_that_exist(traded):
    wrong = {
        "instrument=NONE/USDT": (404, "no venue of the desk has the instrument 'NONE/USDT'"),
        f"instrument={A}&venue=other": (404, f"no venue other has the instrument '{A}'"),
        f"instrument={A}&timeframe=1w": (400, "1w"),
        f"instrument={A}&limit=2001": (400, "limit"),
        f"instrument={A}&until=-1": (400, "until"),
        "": (400, "instrument"),
    }
    for query, (status, words) in wrong.items():
        answer = traded.get("/bars", query)
        assert answer.status == status, query
        assert words in answer.body["detail"]


def test_a_desk_without_bars_has_none_and_no_equity_line(traded):
    shown = traded.get("/bars", f"instrument={A}").body
    assert (shown["venue"], shown["timeframe"], shown["at"]) == ("v", "1m", [])
    equity = traded.get("/equity", "account=main").body
    assert (equity["equity"], equity["equity_now"]) == ([], "9949.90")
    assert {position["mark"] for position in equity["positions"]} == {None}
    assert traded.get("/equity", "account=other").status == 404


def test_what_a_caller_has_is_not_sent_again(traded):
    first = traded.get("/orders", "limit=1")
    tag = first.headers["etag"]
    for named in (tag, f"W/{tag}", f'"other", {tag}'):
        again = answered(traded.read, event("GET", "/orders", "limit=1", who=READER, if_none_match=named))
        assert (again.status, again.body, again.headers["etag"]) == (304, None, tag)
    other = answered(traded.read, event("GET", "/orders", "limit=2", who=READER, if_none_match=tag))
    assert (other.status, len(other.body["orders"])) == (200, 2)
    refused = answered(traded.read, event("GET", "/nothing", who=READER, if_none_match=tag))
    assert "etag" not in refused.headers
