"""One contract of every ledger store: on both emulators, on DynamoDB in memory, and in memory without DynamoDB."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from moto import mock_aws
from msgspec.structs import replace

from fanfold.aws.client.call import AwsFault
from fanfold.aws.client.connect import connect
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import Refused
from fanfold.ledger import booking, orders, positions
from fanfold.ledger.account_books import AccountBooks, StoredAccount, StoredPosition
from fanfold.ledger.changes import (
    AddFlow,
    AwaitResume,
    BookTrade,
    Change,
    CreateOrder,
    DropLots,
    DropRules,
    ExpectFill,
    Freeze,
    HoldMessage,
    IndexOrder,
    KeepRules,
    MoveCash,
    MoveCursor,
    MoveOrder,
    MovePosition,
    MoveStop,
    NamePlaced,
    NoteExternal,
    OpenAccount,
    PutLots,
    Rearm,
    RememberRequest,
    RequireTradingState,
    ReserveCash,
    RestStop,
    SetBaseline,
    SetBreach,
    SetTradingState,
    SpendResume,
    Unfreeze,
    UnindexOrder,
    VoidResume,
)
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import PAGE_LOTS, Lot, Position
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.store import Excerpt, LedgerStore, LiveOrder
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import Message, TradingState
from fanfold.risk.exposure import RestingStop
from fanfold.risk.venue_rules import RulesInForce
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.ledger import MemoryLedger
from support.core_desk import small_desk
from support.emulator import IN_PROCESS, Emulator, through_boto3
from support.ledger_examples import AT, create_table, fill, halted, order, report

D = Decimal
A, B = order("A"), order("B", "sell")
KEY = (A.instance, A.instrument)
COARSE = RulesInForce(rules=replace(next(iter(small_desk().instruments.values())), tick=D("0.1")), reason="tick 0.1")
RECORD = OrderRecord(order=A)
REQUEST = Remembered(principal="ann", key="key-0001", digest="d", status=200, body="{}")
STOP = RestingStop(order_id="stop-1", quantity=D("1.5"), price=D("98.10"))
PENDING = PendingResume(account="main", confirmation="c1", principal="ann", reason="r", asked_at=AT)


class Published(list[str]):
    """The ids of the messages that were published, in their order."""

    def publish(self, messages: Sequence[Message]) -> None:
        self.extend(message.id for message in messages)


class Stored(NamedTuple):
    """A store, what it holds unpublished, what it published, and whether an account is re-armed."""

    store: LedgerStore
    held: Callable[[], list[str]]
    published: Published
    rearmed: Callable[[str], bool]


def on_table(table: Table) -> Stored:
    published = Published()
    outbox = Outbox(table, "execution", published)  # type: ignore[arg-type]
    return Stored(DynamoLedger(table, outbox), lambda: [item["sk"] for item in outbox.items() if "body" in item],
                  published, lambda account: DynamoPolls(table).read(account).rearmed)  # fmt: skip


def in_memory() -> Stored:
    published = Published()
    memory = MemoryLedger(published)
    polls = DynamoPolls(memory.polls_table)
    return Stored(memory.store, lambda: list(memory.outbox), published, lambda account: polls.read(account).rearmed)


@pytest.fixture(params=["memory", "dynamodb in memory", "ministack", "moto"])
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    if request.param == "memory":
        yield in_memory()
    elif request.param == "dynamodb in memory":
        yield on_table(MemoryCloud().table("ledger"))
    elif request.param == "ministack":
        emulator: Emulator = request.getfixturevalue("ministack_session")
        emulator.reset()
        create_table(through_boto3(emulator.endpoint), "ledger")
        yield on_table(Table(connect("light", emulator.endpoint), "ledger"))
    else:
        with mock_aws():
            call = through_boto3(IN_PROCESS)
            create_table(call, "ledger")
            yield on_table(Table(call, "ledger"))


@pytest.fixture
def store(stored: Stored) -> LedgerStore:
    stored.store.commit([OpenAccount("main", D(10_000))])
    return stored.store


def account(store: LedgerStore) -> StoredAccount:
    before = store.books("main").account
    assert before is not None
    return before


def refused(store: LedgerStore, *changes: Change) -> tuple[int, ...]:
    """Positions of the changes that were in the way."""
    with pytest.raises(Refused) as caught:
        store.commit(changes)
    return caught.value.failed


def test_an_account_is_opened_once_and_never_read_before(stored: Stored) -> None:
    store = stored.store
    assert store.books("main") == AccountBooks(account=None, positions={})
    assert store.permissions("main") == OrderPermissions(None)
    store.commit([OpenAccount("main", D("10000.5"))])
    assert account(store) == StoredAccount(
        account="main", trading_state=TradingState.ACTIVE, cash=D("10000.5"), reserved=D(0), minute=0,
        orders_in_minute=0, version=1,
    )  # fmt: skip
    assert refused(store, OpenAccount("main", D(1)), CreateOrder(A)) == (0,)
    assert store.orders(["A"]) == {}


def test_all_changes_are_committed_or_none_and_every_conflict_is_named(store: LedgerStore) -> None:
    store.commit([CreateOrder(A), BookTrade(fill(A, "1"))])
    before = store.books("main"), store.orders(["A", "B"])
    changes: list[Change] = [
        CreateOrder(B),
        CreateOrder(A),
        ExpectFill("main", KEY, D(2), D(0)),
        BookTrade(fill(A, "1")),
        IndexOrder("main", "B", "m", AT),
        MoveCash(account(store), D(1), D(1)),
        HoldMessage(report()),
    ]
    assert refused(store, *changes) == (1, 3)
    assert (store.books("main"), store.orders(["A", "B"])) == before
    assert store.live("main") == []


def test_each_change_of_an_account_moves_what_it_says(store: LedgerStore) -> None:
    first = account(store)
    store.commit([ReserveCash(first, D("201.5"), 7, 2)])
    second = replace(first, reserved=D("201.5"), minute=7, orders_in_minute=2, version=2)
    assert account(store) == second
    store.commit([MoveCash(second, D("9000.1"), D("100.25"))])
    third = replace(second, cash=D("9000.1"), reserved=D("100.25"), version=3)
    assert account(store) == third
    store.commit([SetTradingState(halted(TradingState.REDUCE_ONLY))])
    fourth = replace(third, trading_state=TradingState.REDUCE_ONLY, trading_state_cause="halt-REDUCE_ONLY", version=4)
    assert account(store) == fourth
    store.commit([SetBreach("main", "DRAWDOWN")])
    assert account(store) == replace(fourth, breach="DRAWDOWN")
    known = OrderPermissions(TradingState.REDUCE_ONLY, AT, "DRAWDOWN", "halt-REDUCE_ONLY", "ann")
    assert store.permissions("main") == known


def test_a_change_on_an_outdated_account_conflicts(store: LedgerStore) -> None:
    before = account(store)
    store.commit([MoveCash(before, D(1), D(0))])
    assert refused(store, ReserveCash(before, D(1), 1, 1)) == (0,)
    assert refused(store, MoveCash(before, D(2), D(0)), CreateOrder(A)) == (0,)
    other_state = replace(account(store), trading_state=TradingState.HALTED)
    assert refused(store, CreateOrder(A), ReserveCash(other_state, D(1), 1, 1)) == (1,)
    assert store.orders(["A"]) == {}


@pytest.mark.parametrize(
    "change",
    [
        SetTradingState(replace(halted(TradingState.HALTED), account="none")),
        SetBreach("none", "DRAWDOWN"),
        RequireTradingState("none", tuple(TradingState)),
    ],
)
def test_a_change_of_an_account_that_was_never_opened_conflicts(store: LedgerStore, change: Change) -> None:
    assert refused(store, CreateOrder(A), change) == (1,)
    assert store.books("none").account is None


def test_a_required_trading_state_lets_changes_land_or_not(store: LedgerStore) -> None:
    assert refused(store, RequireTradingState("main", (TradingState.HALTED,)), CreateOrder(A)) == (0,)
    store.commit([RequireTradingState("main", (TradingState.HALTED, TradingState.ACTIVE)), CreateOrder(A)])
    assert store.orders(["A"]) == {"A": RECORD}


def test_an_order_moves_only_from_the_state_that_was_read(store: LedgerStore) -> None:
    store.commit([CreateOrder(A)])
    claimed = orders.claim(RECORD, AT, 5, orders.Harmless.UNSENT)
    store.commit([MoveOrder(RECORD, claimed)])
    assert store.orders(["A", "none", "A"]) == {"A": claimed}
    again = orders.claim(claimed, AT + timedelta(seconds=9), 5, orders.Harmless.SAME_ORDER)
    for before in (RECORD, replace(claimed, epoch=2), replace(claimed, filled=D(1)), replace(claimed, order=B)):
        assert refused(store, MoveOrder(before, again)) == (0,)
    priced = replace(claimed, order=replace(A, reference_price=D(99)))
    terms = replace(A, quantity=D(3))
    assert refused(store, MoveOrder(replace(claimed, order=terms), again)) == (0,)
    assert store.orders(["A"]) == {"A": claimed}
    store.commit([MoveOrder(priced, again)])  # A price that was looked at is no part of the terms.
    assert store.orders(["A"]) == {"A": again}


def test_live_orders_are_listed_with_their_message_until_they_are_taken_off(store: LedgerStore) -> None:
    store.commit([IndexOrder("main", "B", "m2", AT), IndexOrder("other", "C", "m3", AT)])
    store.commit([IndexOrder("main", "A", "m1", AT)])
    assert store.live("main") == [LiveOrder("main", "A", "m1", AT), LiveOrder("main", "B", "m2", AT)]
    store.commit([UnindexOrder("main", "A"), UnindexOrder("main", "never listed")])
    assert [live.order_id for live in store.live("main")] == ["B"]
    assert [live.order_id for live in store.live("other")] == ["C"]


def test_a_trade_is_booked_once_with_its_quantity(store: LedgerStore) -> None:
    trade = ("v", "A/USDT", "t-A-1")
    store.commit([BookTrade(fill(A, "0.50"))])
    assert refused(store, BookTrade(fill(A, "1"))) == (0,)
    assert store.excerpt("main", [], [], [trade, ("v", "A/USDT", "none")]).trades == {trade: D("0.5")}


def test_an_excerpt_has_what_is_named_and_exists_and_no_more(store: LedgerStore) -> None:
    assert store.excerpt("other", [KEY], ["A"], []) == Excerpt(
        AccountBooks(account=None, positions={}), OrderPermissions(None), orders={}, trades={}
    )
    other = ("other", A.instrument)
    store.commit([CreateOrder(A), CreateOrder(B), BookTrade(fill(A, "1"))])
    store.commit([ExpectFill("main", KEY, D(2), D(0)), ExpectFill("main", other, D(3), D(0))])
    store.commit([SetTradingState(halted(TradingState.REDUCE_ONLY))])
    books = store.books("main")
    assert store.excerpt(
        "main", [KEY, KEY, ("none", "none")], ["A", "A", "none"], [booking.trade(fill(A, "1"))]
    ) == Excerpt(
        replace(books, positions={KEY: books.positions[KEY]}),
        store.permissions("main"),
        orders={"A": RECORD},
        trades={booking.trade(fill(A, "1")): D(1)},
    )
    assert store.excerpt("main", [], [], []).books == replace(books, positions={})


def test_a_position_adds_up_what_may_fill_and_moves_from_its_version_alone(store: LedgerStore) -> None:
    store.commit([ExpectFill("main", KEY, D(2), D(0))])
    store.commit([ExpectFill("main", KEY, D("-0.5"), D("-0.5"))])
    assert store.books("main").positions == {KEY: StoredPosition(position=Position(), open=D("1.5"), sales=D("-0.5"))}
    after = positions.fold([fill(A, "1")])
    store.commit([MovePosition("main", KEY, Position(), after, D(-1), D("0.25"))])
    assert store.books("main").positions == {KEY: StoredPosition(position=after, open=D("0.5"), sales=D("-0.25"))}
    assert refused(store, MovePosition("main", KEY, Position(), after, D(-1), D(0))) == (0,)
    more = replace(positions.apply(after, fill(A, "0.5", 2, "101")), other_fees=D("0.3"))
    store.commit([MovePosition("main", KEY, after, more, D("-0.5"), D("0.25"))])
    assert store.books("main").positions == {KEY: StoredPosition(position=more, open=D(0))}


def test_a_new_position_needs_no_expectation_before_it(store: LedgerStore) -> None:
    after = positions.fold([fill(A, "1")])
    store.commit([MovePosition("main", KEY, Position(), after, D(0), D(0))])
    assert store.books("main").positions[KEY].position == after


def test_pages_of_lots_stay_outside_the_books_and_are_read_by_number(store: LedgerStore) -> None:
    lots = tuple(Lot(D("0.5"), D(100 + number)) for number in range(PAGE_LOTS))
    store.commit([PutLots("main", KEY, number, lots[number:]) for number in range(30)])
    assert store.books("main").positions == {}
    assert store.lots("main", KEY, range(28, 32)) == {28: lots[28:], 29: lots[29:]}
    store.commit([DropLots("main", KEY, 28), DropLots("main", KEY, 99)])
    assert set(store.lots("main", KEY, range(40))) == set(range(30)) - {28}
    assert store.lots("other", KEY, [1]) == {}


def test_lots_that_were_read_are_not_stored_with_the_position(store: LedgerStore) -> None:
    lots = (Lot(D(1), D(100)),)
    held, pages = positions.paged(Position(lots=lots * (3 * PAGE_LOTS), version=1), 5)
    read = replace(held, pages=replace(held.pages, read=tuple(pages.values())))
    store.commit([MovePosition("main", KEY, Position(), read, D(0), D(0))])
    assert store.books("main").positions[KEY].position == held


def test_a_message_is_held_with_its_change_and_published_once(stored: Stored) -> None:
    stored.store.commit([OpenAccount("main", D(1)), HoldMessage(report("a"))])
    assert refused(stored.store, OpenAccount("main", D(1)), HoldMessage(report("b"))) == (0,)
    assert (stored.held(), stored.published) == (["a"], [])
    stored.store.publish([report("a")], [report("c")])
    assert (stored.held(), stored.published) == ([], ["a", "c"])


def test_a_request_is_remembered_once(store: LedgerStore) -> None:
    assert store.remembered("ann", "key-0001") is None
    store.commit([RememberRequest(REQUEST, 1), AwaitResume(PENDING, 1)])
    assert (store.remembered("ann", "key-0001"), store.pending_resume("main")) == (REQUEST, PENDING)
    assert refused(store, RememberRequest(replace(REQUEST, status=409), 1), VoidResume("main")) == (0,)
    assert store.remembered("ben", "key-0001") is None
    assert store.pending_resume("main") == PENDING


def test_a_request_to_resume_is_spent_once_and_voided_by_a_halt(store: LedgerStore) -> None:
    store.commit([AwaitResume(PENDING, 1)])
    store.commit([AwaitResume(replace(PENDING, confirmation="c2"), 1)])
    assert refused(store, SpendResume(PENDING, 1)) == (0,)
    newest = replace(PENDING, confirmation="c2")
    store.commit([SpendResume(newest, 1)])
    assert store.pending_resume("main") is None
    assert refused(store, SpendResume(newest, 1)) == (0,)
    store.commit([AwaitResume(PENDING, 1)])
    store.commit([VoidResume("main"), VoidResume("none")])
    assert store.pending_resume("main") is None
    assert refused(store, SpendResume(PENDING, 1)) == (0,)


def test_an_account_is_rearmed_with_its_change(stored: Stored) -> None:
    stored.store.commit([OpenAccount("main", D(1)), Rearm("main")])
    assert refused(stored.store, OpenAccount("main", D(1)), Rearm("other")) == (0,)
    assert (stored.rearmed("main"), stored.rearmed("other")) == (True, False)


def test_a_commit_takes_so_many_changes_and_no_more(store: LedgerStore) -> None:
    assert store.changes_max == 100
    changes = [CreateOrder(order(f"N{number}")) for number in range(101)]
    with pytest.raises(ValueError, match="takes 100 changes, not 101"):
        store.commit(changes)
    store.commit(changes[:100])
    names = [f"N{number}" for number in range(101)]
    assert len(store.orders(names)) == 100


def test_two_changes_of_one_record_are_refused(store: LedgerStore) -> None:
    with pytest.raises((ValueError, AwsFault)):
        store.commit([ExpectFill("main", KEY, D(1), D(0)), ExpectFill("main", KEY, D(1), D(0))])
    assert store.books("main").positions == {}


def test_the_real_accounts_state_is_read_with_its_books(store: LedgerStore) -> None:
    later = AT + timedelta(seconds=9, microseconds=5)
    store.commit([
        Freeze("main", "A/USDT", "order-1", "sent, and not found"),
        Freeze("main", "A/USDT", "balance A", "0.5 A too few"),
        AddFlow("main", "A", D("0.5")),
        SetBaseline("main", "A", D(3)),
        MoveCursor("main", "A/USDT", AT),
        NoteExternal("main", "order 77", "sell 1 A/USDT"),
        NamePlaced("main", "v-1", "A"),
        KeepRules("main", "A/USDT", COARSE),
        KeepRules("main", "B/USDT", COARSE),
        RestStop("main", KEY, STOP),
    ])  # fmt: skip
    store.commit([AddFlow("main", "A", D("-0.2")), MoveCursor("main", "A/USDT", later)])
    store.commit([SetBaseline("main", "A", D("2.5")), Unfreeze("main", "A/USDT", "order-1")])
    store.commit([DropRules("main", "B/USDT"), DropRules("main", "C/USDT")])
    assert store.books("main").real == RealMoney(
        frozen={("A/USDT", "balance A"): "0.5 A too few"}, flows={"A": D("0.3")}, baseline={"A": D("2.5")},
        cursors={"A/USDT": later}, external=frozenset({"order 77"}), rules={"A/USDT": COARSE}, stops={KEY: STOP},
    )  # fmt: skip
    assert refused(store, NoteExternal("main", "order 77", "again")) == (0,)
    assert store.books("other").real == RealMoney()
    assert (store.placed("main", ["v-1", "v-2"]), store.placed("other", ["v-1"])) == ({"v-1": "A"}, {})


def test_a_leg_has_one_resting_stop_until_it_is_deleted(store: LedgerStore) -> None:
    store.commit([RestStop("main", KEY, STOP)])
    second, filled = replace(STOP, order_id="stop-2"), replace(STOP, filled=D("0.5"), ended=True)
    store.commit([MoveStop("main", KEY, filled)])
    assert refused(store, RestStop("main", KEY, second)) == (0,)
    assert store.books("main").real.stops == {KEY: filled}
    store.commit([MoveStop("main", KEY, None)])
    store.commit([RestStop("main", KEY, second)])
    assert store.books("main").real.stops == {KEY: second}
