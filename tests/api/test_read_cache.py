"""A process remembers of the views just what it would read: whatever is written, and wherever a writer dies."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count, islice
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_service import read_api
from audit_service.flush import flush
from audit_service.read_api import RECORDED_HEADER, ReadParts
from audit_service.record import record
from fanfold import desk
from fanfold.audit import bar_history, order_cache
from fanfold.audit.bar_history import BarHistory
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.read_cache import KEPT_MAX, ReadCache
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.lake import S3Lake
from fanfold.aws.s3.lake_bars import S3LakeBars
from fanfold.codes import Code
from fanfold.errors import AT_ONCE
from fanfold.messages import Message, OrdersApproved, OrdersRefused, Refusal
from fanfold.simulation.cloud import MemoryCloud
from support.api_desk import READER, Answer, answered, event
from support.audit_examples import AUDIT, LAKE, START, VIEWS, arrival, minute, order, report
from support.crashes import Crash

PATHS = (
    ("/status", ""),
    ("/positions", ""),
    ("/signals", ""),
    ("/orders", "limit=3"),
    ("/orders/o1", ""),
    ("/refusals", ""),
    ("/trades", "account=main&day=2026-01-31"),
    ("/bars", "instrument=BTC/USDT"),
    ("/equity", "account=main"),
    ("/equity", "account=spare"),
)
RULES = {"tick": "0.01", "lot": "0.001", "notional_min": "5", "as_of": "2026-01-31", "source": "test"}
DESK = desk.build(
    {
        "venues": {"sim": {"kind": "replay", "symbols": ["BTC/USDT", "ETH/USDT"]}},
        "accounts": {
            name: {"venue": "sim", "kind": "margin", "currency": "USDT", "cash": "1000"} for name in ("main", "spare")
        },
        "limits": {name: {"order_notional_max": "5000", "position_notional_max": "9000"} for name in ("main", "spare")},
        "instruments": {name: {"base": name[:3], "quote": "USDT", **RULES} for name in ("BTC/USDT", "ETH/USDT")},
    },
    "test",
)


class Seam:
    """Calls of a process; before the one at ``nth``, ``happen`` does something else, or ends the process."""

    def __init__(self, cloud: MemoryCloud, nth: int = 0, happen: Callable[[], None] | None = None) -> None:
        self.calls: list[str] = []
        self._cloud, self._nth, self._happen = cloud, nth, happen

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        if len(self.calls) == self._nth and self._happen:
            self._happen()
        return self._cloud.call(service, operation, parameters)


def coming() -> Iterator[Message]:
    """Yield a desk's messages minute by minute; an order that was refused is approved in the next."""
    for n in count():
        at = START + timedelta(minutes=n)
        refused, approved = order(1_000 + n, at), order(999 + n, at)
        refusal = Refusal(order=refused, code=Code.GROSS_EXPOSURE, detail="too much")
        common: dict[str, Any] = {"cause": f"targets-{n}", "at": at, "account": "main"}
        yield OrdersRefused(id=f"no-{n}", refusals=[refusal], **common)
        yield OrdersApproved(id=f"yes-{n}", orders=[approved] if n else [], **common)
        yield from minute(n)
        # The other account has a poll to come: its books are known, and through when is not.
        yield msgspec.structs.replace(report(n, at), id=f"spare-{n}", account="spare", matched=False)


A_MINUTE = 7


class Recorded:
    """A desk under way: what was recorded of its minutes, and its clock."""

    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.cloud.table(VIEWS)
        for bucket in (AUDIT, LAKE):
            self.cloud.call("s3", "CreateBucket", {"Bucket": bucket})
        self.now, self._coming, self._waiting = START, coming(), []

    def write(self, minutes: int, crash_at: int = 0) -> None:
        """Record the next minutes."""
        self.record(minutes * A_MINUTE, crash_at)

    def record(self, messages: int, crash_at: int = 0) -> None:
        """Record the next messages and what a process that died left; die before a call of it."""
        self._waiting += islice(self._coming, messages)
        call = Seam(self.cloud, crash_at, die)
        try:
            record(list(map(arrival, self._waiting)), S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
            self._waiting = []
        except Crash:
            pass

    def flush(self) -> None:
        views = DynamoViews(self.cloud.call, VIEWS)
        flush(S3Log(self.cloud.call, AUDIT), S3Lake(self.cloud.call, LAKE), views, views.heads())

    def process(self, call: Seam | None = None) -> "Process":
        return Process(self, call or Seam(self.cloud))


class Process:
    """A process of the API."""

    def __init__(self, recorded: Recorded, call: Seam) -> None:
        self._recorded, self.call = recorded, call
        views, log, lake = DynamoViews(call, VIEWS), S3Log(call, AUDIT), S3LakeBars(call, LAKE)
        history = BarHistory(views, log, lambda: lake)
        self.parts = ReadParts(views, OpenOrders(views), log, history, ReadCache(views, log))

    def get(self, path: str, query: str = "") -> Answer:
        request = event("GET", path, query, who=READER)
        return answered(lambda whole: read_api.answer(whole, DESK, self.parts, self._recorded.now), request)

    def look(self) -> list[Answer]:
        return [self.get(*path) for path in PATHS]


def die() -> None:
    raise Crash


def test_a_process_answers_from_memory_by_one_read_until_something_is_recorded():
    desk = Recorded()
    desk.write(3)
    process = desk.process()
    first = process.get("/refusals")
    process.call.calls.clear()
    assert process.get("/refusals") == first
    assert process.call.calls == ["Query"]
    desk.write(1)
    assert process.get("/refusals").body["decided"] == first.body["decided"] + 2


def test_nothing_is_remembered_while_a_writer_is_at_work():
    desk = Recorded()
    desk.write(1)
    # It dies before it moves the head of the account, which is its last call but those of the venue's stream.
    desk.write(1, crash_at=6)
    process = desk.process()
    process.get("/status")
    process.call.calls.clear()
    process.get("/status")
    assert len(process.call.calls) > 1


def test_each_query_and_account_is_remembered_by_itself():
    desk = Recorded()
    desk.write(5)
    process = desk.process()
    for query in ("limit=2", "limit=3", "account=spare", "refused=true"):
        assert process.get("/orders", query) == process.get("/orders", query) == desk.process().get("/orders", query)


def test_a_rejection_is_not_remembered():
    desk = Recorded()
    process = desk.process()
    assert process.get("/orders/o0").status == 404
    desk.write(1)
    assert process.get("/orders/o0").status == 200


def test_the_tag_of_what_is_recorded_moves_with_the_heads_and_with_nothing_else():
    desk = Recorded()
    desk.write(2)
    tags = {
        answer.headers[RECORDED_HEADER] for process in (desk.process(), desk.process()) for answer in process.look()
    }
    assert len(tags) == 1
    desk.now += timedelta(hours=1)
    assert desk.process().get("/status").headers[RECORDED_HEADER] in tags
    desk.write(1)
    assert desk.process().get("/status").headers[RECORDED_HEADER] not in tags


def test_a_process_keeps_no_more_answers_than_it_may():
    desk = Recorded()
    desk.write(1)
    process = desk.process()
    for limit in range(1, KEPT_MAX + 20):
        key = ("/orders", limit)
        assert process.parts.remembered.read(key, lambda _views: key[1])[0] == limit  # noqa: B023 - read at once
    process.call.calls.clear()
    assert process.parts.remembered.read(("/orders", KEPT_MAX + 19), lambda _views: 0)[0] == KEPT_MAX + 19


def test_bars_of_a_log_that_was_never_flushed_are_not_remembered_before_all_are_read(monkeypatch):
    monkeypatch.setattr(bar_history, "SEGMENTS_MAX", 2)
    desk = Recorded()
    for _ in range(5):
        desk.write(1)
    desk.now += timedelta(minutes=10)
    process = desk.process()
    counts = [len(process.get("/bars", "instrument=BTC/USDT").body["at"]) for _ in range(4)]
    assert counts == [2, 4, 5, 5]


def test_an_order_is_read_once_until_a_message_changes_it():
    desk = Recorded()
    for _ in range(10):
        desk.write(1)
    process = desk.process()
    process.get("/orders", "limit=100")
    desk.write(1)
    looked_up: list[str] = []
    read = process.parts.views.orders_by_id
    process.parts.views.orders_by_id = lambda account, ids, **how: looked_up.extend(ids) or read(account, ids, **how)
    again = process.get("/orders", "limit=100")
    assert again.body == desk.process().get("/orders", "limit=100").body
    assert set(looked_up) == {"o10", "o1009", "o1010"}


def test_a_process_that_is_far_behind_reads_all_orders_anew():
    desk = Recorded()
    desk.write(1)
    process = desk.process()
    process.get("/orders")
    for _ in range(order_cache.SEGMENTS_MAX + 5):
        desk.write(1)
    process.call.calls.clear()
    assert process.get("/orders", "limit=100") == desk.process().get("/orders", "limit=100")
    assert process.call.calls.count("GetObject") <= order_cache.SEGMENTS_MAX + 1


def test_an_answer_of_one_thread_never_comes_under_the_tag_of_another():
    class Interrupted(ReadCache):
        """Memory in which a thread that saw more comes between any two steps of one that saw less."""

        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value)
            if name == "_known" and value.tag and later:
                desk.write(1)
                later.pop()
                self.read("other", lambda _views: "of the other")

    desk, later = Recorded(), [True]
    desk.write(1)
    views = DynamoViews(desk.cloud.call, VIEWS)
    memory = Interrupted(views, S3Log(desk.cloud.call, AUDIT))
    assert memory.read("one", lambda _views: "before")[0] == "before"
    assert not later
    assert memory.read("one", lambda _views: "after")[0] == "after"


def test_old_pages_fill_no_memory_while_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(order_cache, "ORDERS_MAX", 4)
    desk = Recorded()
    for _ in range(20):
        desk.write(1)
    known: order_cache.Known = {}
    views = order_cache.KnownOrders(desk.process().parts.views, known)
    read = [views.orders_by_id("main", [f"o{n}"]) for n in range(1, 11)]
    assert (all(read), len(known)) == (True, 4)


MESSAGES = st.integers(1, 12)
STEPS = st.one_of(
    st.tuples(st.just("record"), MESSAGES, st.integers(0, 25)),
    st.tuples(st.just("redeliver"), st.just(0), st.integers(0, 25)),
    st.tuples(st.just("flush"), st.just(0), st.just(0)),
    st.tuples(st.just("time passes"), st.integers(1, 200), st.just(0)),
    # A writer comes, or comes and dies, between two calls of a read.
    st.tuples(st.just("read while one writes"), st.integers(1, 12), st.integers(0, 25)),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, min_size=2, max_size=7))
def test_what_is_remembered_is_what_a_new_process_reads(steps):
    desk = Recorded()
    kept = desk.process()
    for step, first, second in steps:
        if step == "record":
            desk.record(first, second)
        elif step == "redeliver":
            desk.record(0, second)
        elif step == "flush":
            desk.flush()
        elif step == "time passes":
            desk.now += timedelta(seconds=first)
        else:
            kept.call.calls.clear()
            kept.call._nth, kept.call._happen = first, lambda at=second: desk.record(5, at)
            kept.look()
            kept.call._happen = None
        assert kept.look() == desk.process().look()
