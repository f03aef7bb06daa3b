"""Close positions whose protection is reached, and keep them closed: a stop, a profit to take, a trail.

The marks at every decision are held against the cost of a position and its best mark since it was opened. A position
that its protection closed stays closed until its strategy wants none, or the other side: the same weight again is no
new signal. Of a bundle all legs are closed.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from fanfold import ids
from fanfold.messages import Target, TradingState
from fanfold.money import ZERO, decimal_of, exact, ratio
from fanfold.risk.exposure import FLAT, AccountSnapshot, Exposure, PositionKey, priced
from fanfold.risk.policy import AccountPolicy
from fanfold.risk.sizing import is_dust
from fanfold.risk.standing import Standing, StandingTarget

# A share of a price is held to a millionth, which is finer than a tick.
MILLION = 1_000_000


class Protection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The protection of a leg: what its newest target asks for, as shares, and what became of it.

    ``side`` is the sign of the position, 0 while there is none; ``best`` is the best of its cost and its marks; ``out``
    is the sign of the position that was closed, as of ``out_at``, and of the weights that are not followed since. With
    ``any_side`` a position of the other side is closed, too.
    """

    instance: str
    instrument: str
    timeframe: str
    cause: str
    bundle: bool = False
    stop: Decimal = ZERO
    take_profit: Decimal = ZERO
    trail: Decimal = ZERO
    side: int = 0
    best: Decimal = ZERO
    out: int = 0
    out_at: int = 0
    reason: str = ""
    any_side: bool = False

    @property
    def leg(self) -> PositionKey:
        return self.instance, self.instrument

    @property
    def exit_id(self) -> str:
        """The signal id of the exit, the same at every try."""
        return ids.derive("protection", *self.leg, self.out_at)


class Guarded(msgspec.Struct, frozen=True):
    """The targets to decide on, and the protections after it."""

    wanted: dict[PositionKey, StandingTarget]
    protections: list[Protection]

    @property
    def stopped_out(self) -> dict[PositionKey, str]:
        """Return the legs whose weights are not followed, with the reason."""
        return {known.leg: known.reason for known in self.protections if known.out} if self.protections else {}

    def waiting(self, late: Collection[StandingTarget]) -> Standing:
        """Return the targets that wait for the next poll: all but the late ones, and the other legs of their bundles.

        Late ones may have come before, and what stands is ordered as often as there are polls.
        """
        decided = {leg: entry.target.bundle for leg, entry in self.wanted.items() if entry in late}
        bundles = set(decided.values()) - {""}
        return {
            leg: entry
            for leg, entry in self.wanted.items()
            if leg not in decided and entry.target.bundle not in bundles
        }


def guard(
    before: Sequence[Protection],
    wanted: Standing,
    standing: Standing,
    book: AccountSnapshot,
    terms: AccountPolicy,
    at: datetime,
) -> Guarded:
    """Return the targets with exits in place of those whose position its protection closes, at a market event.

    ``standing`` are the targets that stood before the newest came: an exit among them is tried again, whatever its
    strategy says meanwhile. What is too little to be sold counts as no position: the dust of one is no reason to close
    the next.
    """
    if not (before or _ask_for_one(wanted)) or book.trading_state is TradingState.FLATTENING:
        return Guarded(dict(wanted), list(before))
    known = {protection.leg: protection for protection in before}
    return _guard(known, wanted, standing, _without_dust(book, terms), at)


def _ask_for_one(wanted: Standing) -> bool:
    for entry in wanted.values():
        target = entry.target
        if target.stop or target.take_profit or target.trail:
            return True
    return False


@exact
def _without_dust(book: AccountSnapshot, terms: AccountPolicy) -> AccountSnapshot:
    left = {}
    for leg, held in book.held.items():
        mark = book.marks.get(leg[1])
        if mark is None or not priced(mark) or not is_dust(held, terms.policy(leg, held, mark.price), mark.price):
            left[leg] = held
    return msgspec.structs.replace(book, held=left)


@exact
def _guard(
    known: dict[PositionKey, Protection], wanted: Standing, standing: Standing, book: AccountSnapshot, at: datetime
) -> Guarded:
    for leg, entry in wanted.items():
        protection = _newest(known.pop(leg, None), entry)
        if protection is not None:
            known[leg] = protection
    watched = {leg: _watched(protection, book, at) for leg, protection in known.items()}
    watched |= _partners(known, watched, book, at)
    out = {leg for leg, protection in watched.items() if protection.out}
    broken = {entry.target.bundle for leg, entry in wanted.items() if leg in out} - {""}
    followed = {leg: entry for leg, entry in wanted.items() if leg not in out and not _alone(entry, broken)}
    exits = {leg: _exit(protection, standing.get(leg)) for leg, protection in watched.items() if _closes(protection)}
    return Guarded(followed | exits, [protection for protection in watched.values() if _lasts(protection)])


def _alone(entry: StandingTarget, broken: Collection[str]) -> bool:
    """Return whether a target would hold a leg of a bundle of which another leg is not followed."""
    return bool(entry.target.weight) and entry.target.bundle in broken


def _newest(known: Protection | None, entry: StandingTarget) -> Protection | None:
    """Return the protection of a leg after its newest target; None where it asks for none."""
    target = entry.target
    if known is not None and target.signal_id == known.exit_id:
        return known
    side = (target.weight > 0) - (target.weight < 0)
    if known is not None and known.out:
        # It is not followed, whatever it asks for.
        return known if side == known.out else _of(entry, None)
    return _of(entry, known)


def _of(entry: StandingTarget, known: Protection | None) -> Protection | None:
    target = entry.target
    shares = [whole_share(share) for share in (target.stop, target.take_profit, target.trail)]
    if not target.weight or not any(shares):
        return None
    stop, take_profit, trail = shares
    return Protection(
        instance=target.instance,
        instrument=target.instrument,
        timeframe=target.timeframe,
        cause=entry.cause,
        bundle=bool(target.bundle),
        stop=stop,
        take_profit=take_profit,
        trail=trail,
        side=known.side if known else 0,
        best=known.best if known else ZERO,
    )


def whole_share(share: float) -> Decimal:
    """Return the share of a price that a target asks for, in whole millionths: at least one, unless it asks for none.

    >>> whole_share(0.02), whole_share(0.0123456789), whole_share(1e-9), whole_share(0.0)
    (Decimal('0.02'), Decimal('0.012346'), Decimal('0.000001'), Decimal('0'))
    """
    return decimal_of(max(round(share * MILLION), 1) / MILLION) if share else ZERO


def _watched(protection: Protection, book: AccountSnapshot, at: datetime) -> Protection:
    """Return the protection after the marks of now: with the best of them, or reached."""
    held, mark = book.held.get(protection.leg, FLAT), book.marks.get(protection.instrument)
    side, stop = _side(held), book.stops.get(protection.leg)
    if stop is not None and stop.filled and not protection.out:
        # What is left of the position is closed.
        filled, whole = stop.filled.normalize(), stop.quantity.normalize()
        amounts = f"{filled:f} of {whole:f} filled at its venue"
        reason = f"stop: {amounts}, from {stop.price:f} on"
        if stop.profit:
            reason = f"stop at {stop.price:f} or profit at {stop.profit:f}: {amounts}"
        closed = _closed(msgspec.structs.replace(protection, side=stop.sign), reason, at)
        return msgspec.structs.replace(closed, side=side)
    if mark is None or not priced(mark):
        return protection
    if not side:
        return msgspec.structs.replace(protection, side=0, best=ZERO)
    cost = ratio(held.cost, held.quantity)
    before = protection.best if side == protection.side else cost
    best = max(mark.price, before) if side > 0 else min(mark.price, before)
    now = msgspec.structs.replace(protection, side=side, best=best)
    if not protection.side and side == protection.out:
        # It was dust for a while, and is closed by an exit of its own: the ids of the first one's tries are taken.
        now = msgspec.structs.replace(now, out_at=int(at.timestamp()))
    reason = "" if now.out else _reached(now, cost, mark.price)
    return _closed(now, reason, at) if reason else now


def _reached(protection: Protection, cost: Decimal, price: Decimal) -> str:
    """Return which share was reached, or ""."""
    side = Decimal(protection.side)
    gain = side * (price - cost)
    losing, winning = ("below", "above") if side > 0 else ("above", "below")
    if protection.stop and -gain >= protection.stop * cost:
        return f"stop: {price:f} is {_percent(protection.stop)} or more {losing} the cost of {cost:.10g}"
    if protection.trail and side * (protection.best - price) >= protection.trail * protection.best:
        return f"trail: {price:f} is {_percent(protection.trail)} or more {losing} the best, {protection.best:.10g}"
    if protection.take_profit and gain >= protection.take_profit * cost:
        return f"profit: {price:f} is {_percent(protection.take_profit)} or more {winning} the cost of {cost:.10g}"
    return ""


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _partners(
    known: Mapping[PositionKey, Protection],
    watched: Mapping[PositionKey, Protection],
    book: AccountSnapshot,
    at: datetime,
) -> dict[PositionKey, Protection]:
    """Return the closed protections of the other legs of bundles of which one leg was closed now."""
    closed = [after for leg, after in watched.items() if after.bundle and after.out and not known[leg].out]
    partners: dict[PositionKey, Protection] = {}
    for first in closed:
        for leg, held in book.held.items():
            own = watched.get(leg)
            if leg[0] == first.instance and _side(held) and not (own and own.out):
                base = own or msgspec.structs.replace(first, instrument=leg[1], stop=ZERO, take_profit=ZERO, trail=ZERO)
                now = msgspec.structs.replace(base, side=_side(held), out=0)
                partners[leg] = _closed(now, f"its bundle is closed: {first.instrument} {first.reason}", at)
    return partners


def _closed(protection: Protection, reason: str, at: datetime) -> Protection:
    return msgspec.structs.replace(
        protection, out=protection.side, out_at=int(at.timestamp()), reason=reason, best=ZERO
    )


def _closes(protection: Protection) -> bool:
    """Return whether a position is to be closed."""
    if protection.any_side:
        return bool(protection.out and protection.side)
    return bool(protection.out) and protection.side == protection.out


def _lasts(protection: Protection) -> bool:
    return bool(protection.out or protection.side or protection.stop or protection.take_profit or protection.trail)


def _exit(protection: Protection, standing: StandingTarget | None) -> StandingTarget:
    """Return the exit of a leg; one that stands is tried again as the same signal."""
    if standing is not None and standing.target.signal_id == protection.exit_id:
        return standing
    target = Target(
        signal_id=protection.exit_id,
        instance=protection.instance,
        instrument=protection.instrument,
        timeframe=protection.timeframe,
        weight=0.0,
    )
    return StandingTarget(target=target, at=datetime.fromtimestamp(protection.out_at, UTC), cause=protection.cause)


def _side(held: Exposure) -> int:
    return (held.quantity > 0) - (held.quantity < 0)
