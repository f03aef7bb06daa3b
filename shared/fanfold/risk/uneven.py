"""Watch bundles fill, and close those that stay uneven: some of their legs at their targets, and others not.

Such legs are a bet on direction that nobody decided on. While a bundle is uneven its standing targets are ordered again
at every decision; where that does not even it out in time, all of its legs are closed, and stay closed until its
strategy wants none, or the other side.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fanfold import ids
from fanfold.messages import Order, TradingState
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import FLAT, AccountSnapshot, Exposure, PositionKey, priced
from fanfold.risk.policy import AccountPolicy
from fanfold.risk.protection import Protection
from fanfold.risk.sizing import NoOrder, change
from fanfold.risk.standing import Standing
from fanfold.risk.valuation import valuation

if TYPE_CHECKING:
    from fanfold.risk.decision import Decision

AT_TARGET = (NoOrder.ON_TARGET, NoOrder.DUST)


class BundleLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg of a bundle that was ordered: its quantity ``before``, and the one ``wanted``."""

    instance: str
    instrument: str
    before: Decimal
    wanted: Decimal

    @property
    def key(self) -> PositionKey:
        return self.instance, self.instrument


class BundleProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bundle that was ordered, until all of its legs are at their targets; ``since`` it is seen to be uneven.

    ``name`` is that of its orders, and stays while it is uneven.
    """

    name: str
    timeframe: str
    cause: str
    legs: list[BundleLeg]
    since: datetime | None = None

    @property
    def keys(self) -> set[PositionKey]:
        return {leg.key for leg in self.legs}


class Watched(msgspec.Struct, frozen=True):
    """The bundles to watch on, and the protections after it, with those that close what was uneven for too long."""

    bundles: list[BundleProgress]
    protections: list[Protection]


def watch(
    known: Sequence[BundleProgress],
    protections: Sequence[Protection],
    wanted: Collection[PositionKey],
    book: AccountSnapshot,
    terms: AccountPolicy,
    *,
    at: datetime,
    now: datetime,
) -> Watched:
    """Return which bundles are still on their way, and close those that are uneven for too long, at a market event.

    ``wanted`` are the legs that have a target. Where entries are barred or a leg is stopped out, nothing can even a
    bundle out, and it is closed at once. FLATTENING closes all anyway.
    """
    if not known or book.trading_state is TradingState.FLATTENING:
        return Watched([], list(protections))
    out = {protection.leg for protection in protections if protection.out}
    bundles, closed = list[BundleProgress](), list[Protection]()
    for bundle in known:
        if _whole(bundle, book, terms):
            continue
        stopped = bool(bundle.keys & out)
        if not stopped and all(_held(leg, book).quantity == leg.before for leg in bundle.legs):
            if any(leg.key in wanted or _held(leg, book).live for leg in bundle.legs):
                bundles.append(msgspec.structs.replace(bundle, since=None))
            continue
        since = bundle.since or now
        barred = book.trading_state is not TradingState.ACTIVE or bool(book.breach)
        if stopped or barred or now - since >= timedelta(seconds=terms.uneven_s_max):
            closed += _closing(bundle, out, book, at, since)
        else:
            bundles.append(msgspec.structs.replace(bundle, since=since))
    return Watched(bundles, [*protections, *closed])


def begun(
    known: Sequence[BundleProgress], decision: "Decision", wanted: Standing, before: AccountSnapshot
) -> list[BundleProgress]:
    """Return the bundles to watch after a decision: those known, and those that it orders.

    A bundle with a leg of a known one goes on from it: what was uneven is so until the newer one is whole. A bundle
    that only closes is not watched, because its exits stand until they have filled.
    """
    ordered = {decision.bundles[order.leg] for order in decision.approved if order.leg in decision.bundles}
    after = list(known)
    for name in sorted(ordered):
        keys = [leg for leg, bundle in decision.bundles.items() if bundle == name and leg in decision.quantities]
        entry = wanted[keys[0]]
        legs = [
            BundleLeg(
                instance=key[0],
                instrument=key[1],
                before=before.held.get(key, FLAT).quantity,
                wanted=decision.quantities[key],
            )
            for key in keys
        ]
        order_ids = [order.order_id for order in decision.approved if decision.bundles.get(order.leg) == name]
        newest = BundleProgress(
            name=ids.derive("bundle", *sorted(order_ids)),
            timeframe=entry.target.timeframe,
            cause=entry.cause,
            legs=legs,
        )
        after = _joined(after, newest)
    return after


def named(orders: Sequence[Order], bundles: Sequence[BundleProgress]) -> list[Order]:
    """Return orders with the names of their bundles, where these are watched."""
    names = {leg: bundle.name for bundle in bundles for leg in bundle.keys}
    return [
        msgspec.structs.replace(order, bundle=names[order.leg]) if order.leg in names else order for order in orders
    ]


def noted(bundles: Sequence[BundleProgress], before: Sequence[BundleProgress]) -> bool:
    """Return whether all legs of bundles were noted before, with where they began."""
    if not bundles:
        return True
    known = {(leg.key, leg.before) for bundle in before for leg in bundle.legs}
    return known.issuperset((leg.key, leg.before) for bundle in bundles for leg in bundle.legs)


def _joined(known: Sequence[BundleProgress], newest: BundleProgress) -> list[BundleProgress]:
    overlapping = [bundle for bundle in known if bundle.keys & newest.keys]
    legs = {leg.key: leg for bundle in overlapping for leg in bundle.legs}
    for leg in newest.legs:
        earlier = legs.get(leg.key, leg)
        legs[leg.key] = msgspec.structs.replace(leg, before=earlier.before)
    first = min(
        (bundle for bundle in overlapping if bundle.since), key=lambda bundle: str(bundle.since), default=newest
    )
    ordered = sorted(legs.values(), key=lambda leg: leg.key)
    joined = msgspec.structs.replace(newest, name=first.name, legs=ordered, since=first.since)
    others = [bundle for bundle in known if bundle not in overlapping]
    return others + ([joined] if any(leg.wanted for leg in joined.legs) else [])


def _held(leg: BundleLeg, book: AccountSnapshot) -> Exposure:
    return book.held.get(leg.key, FLAT)


@exact
def _whole(bundle: BundleProgress, book: AccountSnapshot, terms: AccountPolicy) -> bool:
    """Return whether what is booked of all legs, without live orders, is their target, or too close to it to order."""
    return all(_met(leg, book, terms) for leg in bundle.legs)


def _met(leg: BundleLeg, book: AccountSnapshot, terms: AccountPolicy) -> bool:
    held, mark = Exposure(quantity=_held(leg, book).quantity), book.marks.get(leg.instrument)
    if held.quantity == leg.wanted:
        return True
    if mark is None or not priced(mark):
        return False
    worth = terms.capital.get(leg.instance, ZERO) + valuation(book).profits.get(leg.instance, ZERO)
    return change(leg.wanted, held, terms.policy(leg.key, held, mark.price), worth, mark.price) in AT_TARGET


def _closing(
    bundle: BundleProgress, out: Collection[PositionKey], book: AccountSnapshot, at: datetime, since: datetime
) -> list[Protection]:
    """Return protections that close a bundle's legs whatever their side, and do not follow what was wanted of them."""
    legs = ", ".join(_text(leg, book) for leg in bundle.legs)
    sides = [(leg, _sign(_held(leg, book).quantity)) for leg in bundle.legs if leg.key not in out]
    return [
        Protection(
            instance=leg.instance,
            instrument=leg.instrument,
            timeframe=bundle.timeframe,
            cause=bundle.cause,
            bundle=True,
            side=side,
            out=_sign(leg.wanted) or side,
            out_at=int(at.timestamp()),
            reason=f"its bundle is uneven since {since:%H:%M:%S}: {legs}",
            any_side=True,
        )
        for leg, side in sides
        if leg.wanted or side
    ]


def _sign(quantity: Decimal) -> int:
    return (quantity > 0) - (quantity < 0)


def _text(leg: BundleLeg, book: AccountSnapshot) -> str:
    return f"{leg.instrument} {_held(leg, book).quantity.normalize():f} of {leg.wanted.normalize():f}"
