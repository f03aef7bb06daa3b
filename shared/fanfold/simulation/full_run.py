"""History through the production verbs in memory: the orders, refusals and fills that a run on AWS has, id for id."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import msgspec

from fanfold.desk import Desk, dump, load
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.market.recordings import Recordings
from fanfold.market.source import Source
from fanfold.messages import ExecutionReport, Fill, Message, Order, OrdersApproved, OrdersRefused, OrderUpdate, Refusal
from fanfold.simulation.plain_desk import PlainDesk

ACTOR = "fanfold backtest"
# New objects from one look of the garbage collector to the next.
COLLECTED_EVERY = 200_000


class AccountValue(msgspec.Struct, frozen=True, array_like=True):
    """An account's equity at a close (epoch seconds): cash and positions at the closes, None before it is known."""

    closes_at_s: int
    equity: Decimal | None


class FullRun(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a desk's history, each list in order of time.

    ``equity`` is by account, a point for each close. ``updates`` are the states of orders.
    """

    orders: list[Order]
    refusals: list[Refusal]
    updates: list[OrderUpdate]
    fills: list[Fill]
    equity: dict[str, list[AccountValue]]
    messages: int


def full_run(
    desk: Desk,
    recordings: Iterable[Recording],
    start: int,
    until: int,
    on_message: Callable[[Message], object] = lambda _message: None,
) -> FullRun:
    """Trade a desk's closes from ``start`` to ``until``, both in epoch seconds, over recorded bars.

    ``on_message`` is called with each message that is published. Raises BadInput for live accounts, and for whatever a
    service cannot handle.
    """
    live = [name for name, account in desk.accounts.items() if account.mode == "live"]
    if live:
        raise BadInput(f"{', '.join(live)}: live accounts have no history; give them mode = 'paper'")
    source = Recordings(recordings)
    return run_over(desk, lambda _venue: source, start, until, on_message)


def run_over(
    desk: Desk, source: Callable[[str], Source], start: int, until: int, on_message: Callable[[Message], object]
) -> FullRun:
    """Trade a desk's closes as ``full_run`` does, over the bars that each venue's source has; all accounts on paper."""
    if start > until:
        raise BadInput(f"the first close to trade, {start}, is after the last, {until}")
    # As a run and a stage read it: its strategies are in another order than in the file, and targets with them.
    desk = load(dump(desk), "the desk")
    length = timeframes.seconds(desk.shortest_timeframe)
    journal = Journal(on_message)
    run = PlainDesk(desk, source, start - length, journal.take)
    with _collecting_seldom():
        run.open_accounts(ACTOR)
        for now in range(start, until + 1, length):
            run.poll(now)
            journal.close(now, run)
        run.sweep()
    return journal.result()


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let the cyclic garbage collector look seldom: what a run makes is in no cycle, and much of it stays."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTED_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Journal:
    """Gathers what is published, and the equity of the accounts."""

    def __init__(self, on_message: Callable[[Message], object]) -> None:
        self._on_message = on_message
        self._messages = 0
        self._orders: list[Order] = []
        self._refusals: list[Refusal] = []
        self._updates: list[OrderUpdate] = []
        self._fills: list[Fill] = []
        self._equity: dict[str, list[AccountValue]] = {}

    def take(self, message: Message) -> None:
        self._messages += 1
        if isinstance(message, OrdersApproved):
            self._orders += message.orders
        elif isinstance(message, OrdersRefused):
            self._refusals += message.refusals
        elif isinstance(message, ExecutionReport):
            self._updates += message.updates
            self._fills += message.fills
        self._on_message(message)

    def close(self, closes_at_s: int, run: PlainDesk) -> None:
        """Note the equity of the accounts as their last decision has it."""
        for account in run.desk.accounts:
            equity = run.polls.read(account).carried.last_equity
            self._equity.setdefault(account, []).append(AccountValue(closes_at_s, equity))

    def result(self) -> FullRun:
        return FullRun(
            orders=self._orders,
            refusals=self._refusals,
            updates=self._updates,
            fills=self._fills,
            equity=self._equity,
            messages=self._messages,
        )
