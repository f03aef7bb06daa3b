"""A day on paper beside its back-test: nothing differs; and each planted difference gets its reason."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.audit.parity import ParityReason, ParityReport
from fanfold.codes import Code
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.market.recordings import Recordings
from fanfold.market.source import BarsRequest
from fanfold.messages import (
    ExecutionReport,
    Fill,
    LegCode,
    LegState,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    Refusal,
    TradingState,
    TradingStateChanged,
)
from fanfold.simulation.full_run import full_run, run_over
from fanfold.simulation.parity_run import newest_day, parity
from support.situations import Situation, repository_desk

DAY = date(2026, 1, 3)
MINUTES = 240


@pytest.fixture(scope="module")
def situation() -> Situation:
    return repository_desk(MINUTES)


@pytest.fixture(scope="module")
def messages(situation: Situation) -> list[Message]:
    return traded(situation, situation.desk)


def traded(situation: Situation, desk: Desk) -> list[Message]:
    published: list[Message] = []
    full_run(desk, situation.recordings, situation.closes[0], situation.closes[-1], published.append)
    return published


def changed(desk: Desk, account: dict[str, Any] | None = None, **limits: Any) -> Desk:
    accounts = {name: msgspec.structs.replace(kept, **(account or {})) for name, kept in desk.accounts.items()}
    limited = {name: msgspec.structs.replace(kept, **limits) for name, kept in desk.limits.items()}
    return msgspec.structs.replace(desk, accounts=accounts, limits=limited)


def orders_of(messages: Iterable[Message]) -> list[Order]:
    return [order for message in messages if isinstance(message, OrdersApproved) for order in message.orders]


def edited(messages: Sequence[Message], order_id: str, edit: Callable[[Any], Any]) -> list[Message]:
    """Put other orders, updates and fills in the place of an order's; None is none."""
    after: list[Message] = []
    for message in messages:
        lists = {
            name: [new for entry in getattr(message, name) if (new := _edit(entry, order_id, edit)) is not None]
            for name in ("orders", "updates", "fills")
            if hasattr(message, name)
        }
        after.append(msgspec.structs.replace(message, **lists) if lists else message)
    return after


def _edit(entry: Any, order_id: str, edit: Callable[[Any], Any]) -> Any:
    return edit(entry) if entry.order_id == order_id else entry


def reasons(report: ParityReport) -> set[ParityReason]:
    return {difference.reason for difference in report.differences}


def test_a_paper_day_equals_its_back_test(situation: Situation, messages: list[Message]) -> None:
    report = parity(situation.desk, messages, DAY)
    assert report.differences == []
    assert report.orders == report.backtest_orders > 20
    assert report.fills == report.backtest_fills > 20


def test_a_second_day_equals_its_back_test() -> None:
    longer = repository_desk(1_440 + 60)
    published = traded(longer, longer.desk)
    report = parity(longer.desk, published, DAY + timedelta(days=1))
    assert newest_day(published) == DAY
    assert (report.differences, report.orders > 0) == ([], True)


def test_limits_and_slices_that_fill_after_midnight_equal_the_back_test() -> None:
    longer = repository_desk(1_440 + 15)
    terms = {"order": "limit", "slices": 4, "slices_over_s": 600, "band": Decimal(0)}
    strategies = {name: msgspec.structs.replace(own, **terms) for name, own in longer.desk.strategies.items()}
    desk = msgspec.structs.replace(longer.desk, strategies=strategies)
    published = traded(longer, desk)
    midnight = datetime.combine(DAY + timedelta(days=1), datetime.min.time(), UTC)
    decided = {order.order_id for order in orders_of(published) if order.decided_at <= midnight}
    late = [fill for message in published if isinstance(message, ExecutionReport) for fill in message.fills
            if fill.order_id in decided and fill.at > midnight + timedelta(minutes=1)]  # fmt: skip
    assert late
    assert parity(desk, published, DAY).differences == []


TERMS: dict[str, tuple[ParityReason, dict[str, Any], dict[str, Any]]] = {
    "more slippage": (ParityReason.FILL_PRICE, {"slippage_bps": Decimal(3)}, {}),
    "a higher fee": (ParityReason.FEE, {"taker_bps": Decimal(11)}, {}),
    "little volume": (ParityReason.PARTIAL_FILL, {"participation_max": Decimal("0.00001")}, {}),
    "fewer orders a minute": (ParityReason.REFUSED, {}, {"orders_per_minute_max": 2}),
}


@pytest.mark.parametrize("name", TERMS)
def test_other_terms_have_their_reason_and_all_that_follows_from_them(name: str, situation: Situation) -> None:
    reason, account, limits = TERMS[name]
    report = parity(situation.desk, traded(situation, changed(situation.desk, account, **limits)), DAY)
    assert reason in reasons(report)
    assert reasons(report) <= {reason, ParityReason.EARLIER}
    assert report.differences[0].reason is reason


def test_slippage_is_what_the_desk_paid_more(situation: Situation, messages: list[Message]) -> None:
    order = filled_orders(messages)[0]
    worse = edited(messages, order.order_id, lambda entry: _dearer(entry, order) if isinstance(entry, Fill) else entry)
    report = parity(situation.desk, worse, DAY)
    first = report.differences[0]
    assert (first.reason, first.cost) == (ParityReason.FILL_PRICE, order.quantity * 2)
    assert report.slippage == first.cost
    assert "bps against the back-test" in first.detail


def _dearer(fill: Fill, order: Order) -> Fill:
    return msgspec.structs.replace(fill, price=fill.price + (2 if order.side == "buy" else -2))


def test_a_halt_is_the_reason_of_what_it_kept_from_trading(situation: Situation, messages: list[Message]) -> None:
    cut = MINUTES // 2 * 60 + situation.closes[0]
    opened = next(message for message in messages if isinstance(message, TradingStateChanged))
    halted = msgspec.structs.replace(opened, id="halt", at=datetime.fromtimestamp(cut, UTC), state=TradingState.HALTED)
    late = {order.order_id for order in orders_of(messages) if order.decided_at.timestamp() > cut}
    assert late
    kept: list[Message] = [*messages, halted]
    for order_id in late:
        kept = edited(kept, order_id, lambda _entry: None)
    report = parity(situation.desk, kept, DAY)
    assert reasons(report) == {ParityReason.HALTED}
    assert len(report.differences) == len(late)


class Holding:
    """A venue that has no bars of an instrument for some minutes, and has them later or never."""

    def __init__(self, recordings: Sequence[Recording], instrument: str, span: range, *, for_good: bool) -> None:
        self._all = Recordings(recordings)
        self._instrument, self._span, self._for_good = instrument, span, for_good

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Any]:
        return [self._held(request, self._all.bars(*request)) for request in requests]

    def _held(self, request: BarsRequest, series: Any) -> Any:
        if request.instrument != self._instrument or not (self._for_good or request.until in self._span):
            return series
        bars = [bar for bar in series.bars if bar.closes_at_s not in self._span]
        return msgspec.structs.replace(series, bars=bars)


@pytest.mark.parametrize(("reason", "for_good"), [(ParityReason.LATE_BAR, False), (ParityReason.MISSING_BAR, True)])
def test_bars_that_came_late_or_never(reason: ParityReason, for_good: bool, situation: Situation) -> None:
    recordings = [each if isinstance(each, Recording) else Recording.of(each) for each in situation.recordings]
    first = situation.closes[0] + 60 * 60
    source = Holding(recordings, "ETH/USDT", range(first, first + 20 * 60, 60), for_good=for_good)
    published: list[Message] = []
    run_over(situation.desk, lambda _venue: source, situation.closes[0], situation.closes[-1], published.append)
    history = Recordings(recordings)
    report = parity(situation.desk, published, DAY, lambda _venue: history)
    assert reason in reasons(report)
    assert reasons(report) <= {reason, ParityReason.EARLIER, ParityReason.STALE, ParityReason.MISSING_BAR}


def refuse(order: Order, code: Code) -> OrdersRefused:
    refusal = Refusal(order=order, code=code, detail="planted")
    return OrdersRefused(id=f"refused {code}", cause="c", at=order.decided_at, account="main", refusals=[refusal])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.STALE_SIGNAL, ParityReason.STALE),
        (Code.KILL_STATE, ParityReason.HALTED),
        (Code.MISSING_DATA, ParityReason.MISSING_BAR),
        (Code.FROZEN, ParityReason.REFUSED),
    ],
)
def test_a_refusal_says_why(code: Code, reason: ParityReason, situation: Situation, messages: list[Message]) -> None:
    order = orders_of(messages)[-1]
    without = [*edited(messages, order.order_id, lambda _entry: None), refuse(order, code)]
    (difference,) = parity(situation.desk, without, DAY).differences
    assert (difference.reason, difference.desk) == (reason, f"refused {code}")
    assert difference.detail == f"{code}: planted"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (OrderState.STALE, ParityReason.STALE),
        (OrderState.REJECTED, ParityReason.REFUSED),
        (OrderState.BLOCKED, ParityReason.HALTED),
    ],
)
def test_an_order_that_ended_unfilled(
    state: OrderState, reason: ParityReason, situation: Situation, messages: list[Message]
) -> None:
    order = filled_orders(messages)[-1]

    def end(entry: Any) -> Any:
        if isinstance(entry, OrderUpdate):
            return msgspec.structs.replace(entry, state=state, filled=Decimal(0), reason="planted")
        return entry if isinstance(entry, Order) else None

    report = parity(situation.desk, edited(messages, order.order_id, end), DAY)
    assert (report.differences[0].reason, report.differences[0].detail) == (reason, "planted")
    assert reasons(report) <= {reason, ParityReason.EARLIER}


def filled_orders(messages: list[Message]) -> list[Order]:
    filled = {fill.order_id for message in messages if isinstance(message, ExecutionReport) for fill in message.fills}
    return [order for order in orders_of(messages) if order.order_id in filled]


def test_a_fill_that_came_later_is_latency(situation: Situation, messages: list[Message]) -> None:
    order = filled_orders(messages)[-1]
    later = edited(
        messages,
        order.order_id,
        lambda entry: (
            msgspec.structs.replace(entry, at=entry.at + timedelta(seconds=90)) if isinstance(entry, Fill) else entry
        ),
    )
    (difference,) = parity(situation.desk, later, DAY).differences
    assert (difference.reason, difference.desk) == (ParityReason.LATENCY, "filled 90 s later")


def test_a_trade_and_an_order_from_elsewhere(situation: Situation, messages: list[Message]) -> None:
    order = orders_of(messages)[3]
    fill = next(fill for message in messages if isinstance(message, ExecutionReport) for fill in message.fills)
    by_hand = msgspec.structs.replace(fill, trade_id="by hand", order_id="of nobody", instance="")
    trade = ExecutionReport(id="e", cause="c", at=fill.at, account="main", venue="market", fills=[by_hand])
    hooked = msgspec.structs.replace(order, order_id="hooked", instance="hooked")
    approved = OrdersApproved(id="h", cause="c", at=order.decided_at, account="main", orders=[hooked])
    own = {"hooked": msgspec.structs.replace(situation.desk.strategies["trend"], strategy="external", params={})}
    desk = msgspec.structs.replace(situation.desk, strategies=situation.desk.strategies | own)
    resting = msgspec.structs.replace(order, order_id="rests", instrument="XRP/USDT", kind="stop", reduce_only=True)
    stop = OrdersApproved(id="s", cause="c", at=order.decided_at + timedelta(1e-4), account="main", orders=[resting])
    report = parity(desk, [*messages, trade, approved, stop], DAY)
    assert [(each.reason, each.instance) for each in report.differences if each.reason is not ParityReason.EARLIER] == [
        (ParityReason.EXTERNAL_TRADE, ""),
        (ParityReason.EXTERNAL_SIGNAL, "hooked"),
        (ParityReason.RESTING_STOP, order.instance),
    ]


def test_rules_that_a_venue_changed(situation: Situation, messages: list[Message]) -> None:
    order = orders_of(messages)[-1]
    state = LegState(instance=order.instance, instrument=order.instrument, code=LegCode.RULES_CHANGED, detail="lot 10")
    status = LegStatus(id="l", cause="c", at=order.decided_at, account="main", statuses=[state])
    halved = msgspec.structs.replace(order, quantity=order.quantity / 2)
    smaller = edited(messages, order.order_id, lambda entry: halved if isinstance(entry, Order) else None)
    (difference,) = parity(situation.desk, [*smaller, status], DAY).differences
    assert (difference.reason, difference.detail) == (ParityReason.CHANGED_RULES, "lot 10")


def test_what_nothing_explains_comes_first(situation: Situation) -> None:
    dearer = traded(situation, changed(situation.desk, {"slippage_bps": Decimal(2)}))
    late = orders_of(dearer)[-1]
    early = next(order for order in orders_of(dearer) if order.instance != late.instance)
    planted = edited(dearer, early.order_id, lambda _entry: None)
    twice = msgspec.structs.replace(late, quantity=late.quantity * 2)
    planted = edited(planted, late.order_id, lambda entry: twice if isinstance(entry, Order) else entry)
    report = parity(situation.desk, planted, DAY)
    unexplained = [each for each in report.differences if each.reason is ParityReason.UNEXPLAINED]
    assert report.differences[: report.unexplained] == unexplained
    # The first order of an instance, before which its books are alike, and one of twice the size, which a few basis
    # points less of equity cannot account for.
    assert [each.instance for each in unexplained] == [early.instance, late.instance]
    assert (unexplained[0].desk, unexplained[1].at) == ("no order", int(late.decided_at.timestamp()))


def test_without_a_day_the_newest_whole_one_is_meant(messages: list[Message]) -> None:
    assert newest_day(messages) == DAY
    with pytest.raises(BadInput, match="nothing was traded"):
        newest_day([])


def test_a_day_that_was_not_traded_is_refused(situation: Situation, messages: list[Message]) -> None:
    with pytest.raises(BadInput, match="no bar of 2026-01-09; it has 2026-01-03 to 2026-01-03"):
        parity(situation.desk, messages, date(2026, 1, 9))
