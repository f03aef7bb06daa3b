"""Say why an instrument was not traded at a time: each strategy's position and target, and why no order came of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.desk import Desk, StrategyInstance
from fanfold.market import bars
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
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.money import ZERO
from fanfold.records import TERMINAL

TRADES = frozenset({LegCode.OK, LegCode.RULES_CHANGED, LegCode.UNPROTECTED})


class LegAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy instance's position and target for an instrument at a time, and why nothing more came of it.

    ``weight`` is None where it had given none; ``since`` is the bar that it is of, and ``last_bar`` the close of the
    newest one that its venue had sent. ``traded`` says that an order was approved with the newest poll of its venue.
    """

    account: str
    instance: str
    quantity: Decimal
    weight: float | None
    since: datetime | None
    last_bar: datetime | None
    traded: bool
    why: str


class _Placed(NamedTuple):
    """An order of a leg, the bar that it was decided on, and its newest state with the time of that."""

    order: Order
    at: datetime
    update: OrderUpdate | None = None
    updated_at: datetime | None = None

    @property
    def lives(self) -> bool:
        return self.update is None or self.update.state not in TERMINAL


class _Leg:
    """The newest that the log has of a leg, up to a time."""

    def __init__(self, account: str, instance: str, instrument: str) -> None:
        self.account = account
        self.instance = instance
        self.instrument = instrument
        self.quantity = ZERO
        self.version = -1
        self.weight: float | None = None
        self.since: datetime | None = None
        # The bar of its newest target, which may want what the one before did.
        self.newest: datetime | None = None
        # What signal and risk report of it: neither ends what the other said.
        self.statuses: dict[str, tuple[LegState, datetime]] = {}
        # The bar and the text of its newest refusal, and its newest order that is no stop.
        self.refused: tuple[datetime, str] | None = None
        self.placed: _Placed | None = None

    def apply(self, message: Message) -> None:
        """Note what a message of its account says of it."""
        for entry in _entries(message):
            leg = entry.order if isinstance(entry, Refusal) else entry
            if (leg.instance, leg.instrument) == (self.instance, self.instrument):
                self._note(entry, message.at)

    def _note(self, entry: "_Entry", at: datetime) -> None:
        match entry:
            case Target(weight=weight):
                self.newest = at
                if self.since is None or weight != self.weight:
                    self.weight, self.since = weight, at
            case LegState():
                self._note_status(entry, at)
            case Refusal(code=code, detail=detail):
                self.refused = at, f"{code}: {detail}"
            case Order(protects=False):
                self.placed = _Placed(entry, at)
            case OrderUpdate(order_id=order_id, state=state):
                ended = self.placed and self.placed.update and self.placed.update.state in TERMINAL
                if self.placed and self.placed.order.order_id == order_id and (state in TERMINAL or not ended):
                    self.placed = self.placed._replace(update=entry, updated_at=at)
            case PositionSnapshot(quantity=quantity, version=version):
                if version >= self.version:
                    self.quantity, self.version = quantity, version

    def _note_status(self, status: LegState, at: datetime) -> None:
        for service in status.services:
            self.statuses[service] = status, at

    @property
    def troubles(self) -> str:
        """Return why it could not trade, as risk and then signal reported it; "" where neither did."""
        known = [self.statuses[service] for service in ("risk", "signal") if service in self.statuses]
        texts = [f"{status.code} since {at:%m-%d %H:%M}: {status.detail}" for status, at in known
                 if status.code not in TRADES]  # fmt: skip
        return "; ".join(text.removesuffix(": ") for text in texts)


_Entry = Target | LegState | Refusal | Order | OrderUpdate | PositionSnapshot


def _entries(message: Message) -> Sequence[_Entry]:
    """Return what a message says of legs."""
    match message:
        case Targets(targets=entries) | LegStatus(statuses=entries) | OrdersRefused(refusals=entries):
            return entries
        case OrdersApproved(orders=entries):
            return entries
        case ExecutionReport():
            return [*message.updates, *message.positions]
    return ()


def why_not(desk: Desk, messages: Iterable[Message], instrument: str, at: datetime) -> list[LegAnswer]:
    """Return an answer for each leg of an instrument, of the last bars that had closed by a time.

    ``messages`` are those of the log, by their market events and those of one event as they were sent. Legs that the
    desk file does not have any more are answered too, if they had given a target by then.
    """
    legs = {
        (instance.account, name): _Leg(instance.account, name, instrument)
        for name, instance in desk.strategies.items()
        if instrument in instance.instruments
    }
    states: dict[str, list[TradingStateChanged]] = {}
    polls: dict[str, datetime] = {}
    closes: dict[str, int] = {}
    for message in messages:
        if message.at > at:
            continue
        if isinstance(message, BarsClosed):
            if not message.requested:
                polls[message.venue] = max(polls.get(message.venue, message.at), message.at)
                closes[message.venue] = max(closes.get(message.venue, 0), _last_close(message, instrument))
        elif isinstance(message, TradingStateChanged):
            states.setdefault(message.account, []).append(message)
        elif not isinstance(message, BarsRequested | CommandReceived):
            _find(legs, message, instrument)
            for leg in legs.values():
                if leg.account == message.account:
                    leg.apply(message)
    venues = {name: account.venue for name, account in desk.accounts.items()}
    answers = []
    for leg in legs.values():
        venue = venues.get(leg.account, "")
        close = datetime.fromtimestamp(closes[venue], UTC) if closes.get(venue) else None
        changes, instance = states.get(leg.account, []), desk.strategies.get(leg.instance)
        answers.append(_Answering(leg, changes, polls.get(venue), close, instance, venue).answer())
    return answers


def _last_close(message: BarsClosed, instrument: str) -> int:
    """Return the close of the newest bar of an instrument, in epoch seconds; 0 without one."""
    own = (frame for frame in message.frames if instrument in frame.instruments)
    return max((at for frame in own for name, at, _ in bars.closes_of(frame) if name == instrument), default=0)


def _find(legs: dict[tuple[str, str], _Leg], message: Message, instrument: str) -> None:
    """Add the legs of targets that the desk does not name."""
    if isinstance(message, Targets):
        for target in message.targets:
            if target.instrument == instrument and (message.account, target.instance) not in legs:
                legs[message.account, target.instance] = _Leg(message.account, target.instance, instrument)


class _Answering(NamedTuple):
    """A leg, the trading states of its account, its venue's newest poll, its newest bar's close, its instance.

    The ``venue`` is "" where the desk file does not have its account any more.
    """

    leg: _Leg
    states: Sequence[TradingStateChanged]
    poll: datetime | None
    close: datetime | None
    instance: StrategyInstance | None
    venue: str

    def answer(self) -> LegAnswer:
        leg = self.leg
        return LegAnswer(
            account=leg.account,
            instance=leg.instance,
            quantity=leg.quantity,
            weight=leg.weight,
            since=leg.since,
            last_bar=self.close,
            traded=leg.placed is not None and leg.placed.at == self.poll,
            why=next(filter(None, self._reasons())),
        )

    def _reasons(self) -> Iterator[str]:
        """Yield reasons, the first of which counts; "" is none."""
        leg, state = self.leg, self.states[-1] if self.states else None
        if not self.venue:
            yield f"account {leg.account} is not in the desk file any more: nothing decides on it"
        if self.close is None:
            yield f"no bar of {leg.instrument} had come"
        if leg.placed and leg.placed.at == self.poll:
            name = leg.placed.order.order_id[:8]
            yield f"it was traded: risk approved order {name}; `fanfold why {name}` explains it"
        if state is None:
            yield "its account had no trading state: it was not open"
        if leg.refused and leg.refused[0] == self.poll:
            yield f"risk refused its order, {leg.refused[1]}"
        yield leg.troubles
        # HALTED holds exits too; the others hold entries alone.
        holds = leg.weight or (leg.quantity and state and state.state is TradingState.HALTED)
        if state is not None and state.state is not TradingState.ACTIVE and holds:
            yield f"the account was {state.state} since {state.at:%m-%d %H:%M}: {state.reason}"
        yield self._resumed()
        yield self._standing(leg.since) if leg.since else "its strategy had given no target yet"

    def _resumed(self) -> str:
        """Return the state that held the leg at the newest bars, where it has ended since."""
        *_, before, state = [None, None, *self.states]
        if before is None or state is None or before.state is TradingState.ACTIVE or not self.leg.weight:
            return ""
        if self.poll is None or state.at < self.poll:
            return ""
        return f"the account was {before.state} until {state.at:%m-%d %H:%M}, and its next bars had not come"

    def _standing(self, since: datetime) -> str:
        """Return why a target that is in force leads to no order."""
        leg, placed = self.leg, self.leg.placed
        if leg.refused and leg.refused[0] >= since and (placed is None or placed.at < leg.refused[0]):
            return f"risk refused the order of its target at {leg.refused[0]:%m-%d %H:%M}, {leg.refused[1]}"
        if placed and (placed.at >= since or placed.lives) and (text := _unfilled(placed)):
            return text
        if not leg.weight and not leg.quantity:
            return "its strategy wanted no position, and it had none"
        return self._held(since) if leg.weight else "its position was being closed"

    def _held(self, since: datetime) -> str:
        """Return why a position is not brought closer to its target."""
        leg, placed = self.leg, self.leg.placed
        held = f"its target stood since {since:%m-%d %H:%M}, held {leg.quantity.normalize():f}"
        if placed and placed.at >= max(since, leg.newest or since):
            return f"{held}: a target is ordered once, until its strategy's next bar"
        band = self.instance.band if self.instance else ZERO
        sized = self.instance is None or self.instance.volatility
        if not leg.quantity and not sized and abs(leg.weight or 0) > band:
            return f"{held}: no order had come of it, for risk had not decided; `fanfold status` shows what waits"
        return f"{held}: they differ by less than its no-trade band, {band.normalize():f}, or than its venue takes"


def _unfilled(placed: _Placed) -> str:
    """Return what became of an order that did not fill whole; "" for one that did."""
    order, update = placed.order, placed.update
    name = f"its order {order.order_id[:8]} of {placed.at:%m-%d %H:%M}"
    if update is None:
        return f"{name} was on its way"
    filled = f"{update.filled.normalize():f} of {order.quantity.normalize():f} filled"
    if update.state not in TERMINAL:
        return f"{name} was {update.state}, {filled}"
    if update.filled >= order.quantity:
        return ""
    reason = f": {update.reason}" if update.reason else ""
    return f"{name} ended {update.state} at {placed.updated_at:%m-%d %H:%M}, {filled}{reason}"
