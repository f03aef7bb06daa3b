"""Say why an instrument was not traded at a time: each strategy's position and target, and why no order came of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.desk import Desk
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    CommandReceived,
    ExecutionReport,
    LegCode,
    LegState,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.money import ZERO

TRADES = frozenset({LegCode.OK, LegCode.RULES_CHANGED, LegCode.UNPROTECTED})


class LegAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy instance's position and target for an instrument at a time, and why nothing more came of it.

    ``weight`` is None where it had given none; ``since`` is the bar that it is of. ``traded`` says that an order was
    approved with the bar of that time.
    """

    account: str
    instance: str
    quantity: Decimal
    weight: float | None
    since: datetime | None
    traded: bool
    why: str


class _Leg:
    """The newest that the log has of a leg, up to a time."""

    def __init__(self, account: str, instance: str, instrument: str) -> None:
        self.account = account
        self.instance = instance
        self.instrument = instrument
        self.quantity = ZERO
        self.weight: float | None = None
        self.since: datetime | None = None
        self.status: LegState | None = None
        # The bar and the text of its newest refusal, the bar and the id of its newest order.
        self.refused: tuple[datetime, str] | None = None
        self.approved: tuple[datetime, str] | None = None

    def apply(self, message: Message) -> None:
        """Note what a message of its account says of it."""
        for entry in _entries(message):
            leg = entry.order if isinstance(entry, Refusal) else entry
            if (leg.instance, leg.instrument) == (self.instance, self.instrument):
                self._note(entry, message.at)

    def _note(self, entry: "_Entry", at: datetime) -> None:
        match entry:
            case Target(weight=weight):
                if self.since is None or weight != self.weight:
                    self.weight, self.since = weight, at
            case LegState():
                self.status = entry
            case Refusal(code=code, detail=detail):
                self.refused = at, f"{code}: {detail}"
            case Order(order_id=order_id):
                self.approved = at, order_id
            case PositionSnapshot(quantity=quantity):
                self.quantity = quantity


_Entry = Target | LegState | Refusal | Order | PositionSnapshot


def _entries(message: Message) -> Sequence[_Entry]:
    """Return what a message says of legs."""
    match message:
        case Targets(targets=entries) | LegStatus(statuses=entries) | OrdersRefused(refusals=entries):
            return entries
        case OrdersApproved(orders=entries) | ExecutionReport(positions=entries):
            return entries
    return ()


def why_not(desk: Desk, messages: Iterable[Message], instrument: str, at: datetime) -> list[LegAnswer]:
    """Return an answer for each leg of an instrument, of the last bars that had closed by a time.

    ``messages`` are those of the log in the order of their chains.
    """
    legs = [
        _Leg(instance.account, name, instrument)
        for name, instance in desk.strategies.items()
        if instrument in instance.instruments
    ]
    states: dict[str, TradingStateChanged] = {}
    close: datetime | None = None
    for message in messages:
        if message.at > at:
            continue
        if isinstance(message, BarsClosed):
            traded = any(instrument in frame.instruments for frame in message.frames)
            close = max(close or message.at, message.at) if traded else close
        elif isinstance(message, TradingStateChanged):
            states[message.account] = message
        elif not isinstance(message, BarsRequested | CommandReceived):
            for leg in legs:
                if leg.account == message.account:
                    leg.apply(message)
    return [_answer(leg, states.get(leg.account), close) for leg in legs]


def _answer(leg: _Leg, state: TradingStateChanged | None, close: datetime | None) -> LegAnswer:
    return LegAnswer(
        account=leg.account,
        instance=leg.instance,
        quantity=leg.quantity,
        weight=leg.weight,
        since=leg.since,
        traded=leg.approved is not None and leg.approved[0] == close,
        why=next(filter(None, _reasons(leg, state, close))),
    )


def _reasons(leg: _Leg, state: TradingStateChanged | None, close: datetime | None) -> Iterator[str]:
    """Yield reasons, the first of which counts; "" is none."""
    if close is None:
        yield f"no bar of {leg.instrument} had come"
    if leg.approved and leg.approved[0] == close:
        name = leg.approved[1][:8]
        yield f"it was traded: risk approved order {name}; `fanfold why {name}` explains it"
    if state is None:
        yield "its account had no trading state: it was not open"
    if leg.refused and leg.refused[0] == close:
        yield f"risk refused its order, {leg.refused[1]}"
    if leg.status is not None and leg.status.code not in TRADES:
        yield f"{leg.status.code}: {leg.status.detail}".removesuffix(": ")
    if state is not None and state.state is not TradingState.ACTIVE and leg.weight:
        yield f"the account was {state.state} since {state.at:%m-%d %H:%M}: {state.reason}"
    yield _standing(leg, leg.since) if leg.since else "its strategy had given no target yet"


def _standing(leg: _Leg, since: datetime) -> str:
    """Return why a target that is in force leads to no order."""
    ordered = leg.approved[0] if leg.approved else None
    if leg.refused and leg.refused[0] >= since and (ordered is None or ordered < leg.refused[0]):
        return f"risk refused the order of its target at {leg.refused[0]:%m-%d %H:%M}, {leg.refused[1]}"
    if not leg.weight:
        return (
            "its strategy wanted no position, and it had none" if not leg.quantity else "its position was being closed"
        )
    return (
        f"its target stood since {since:%m-%d %H:%M}, held {leg.quantity.normalize():f}: "
        "a target is ordered once, and not adjusted to later prices"
    )
