"""Report a decision besides its orders: refusals, and legs that cannot trade, each once for every change."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

import msgspec

from fanfold import ids
from fanfold.codes import Code
from fanfold.messages import LegStatus, Message, OrdersRefused, Refusal, TradingState
from fanfold.money import EXACT
from fanfold.records import LegCode, LegState
from fanfold.risk.decision import Decision
from fanfold.risk.exposure import FLAT, PositionKey
from fanfold.risk.protection import Guarded
from fanfold.risk.remaining import new_refusals
from fanfold.risk.standing import Standing

# The key of the state of the account as a whole.
ACCOUNT: PositionKey = ("", "")
# What a leg may be without a target.
_TARGETLESS = frozenset({LegCode.UNPROTECTED, LegCode.ORPHANED})
NO_LEGS: Mapping[PositionKey, str] = {}


class DecidedTargets(msgspec.Struct, frozen=True):
    """An account's targets and protections as of a market event ``at``, with the decision on them.

    It is not on those that are ``waiting``. ``orphaned`` are the legs that are held and not in the desk file.
    """

    account: str
    at: datetime
    guarded: Guarded
    decision: Decision
    unprotected: Mapping[PositionKey, str] = NO_LEGS
    waiting: Collection[PositionKey] = ()
    orphaned: Collection[PositionKey] = ()

    @property
    def wanted(self) -> Standing:
        return self.guarded.wanted


def reports_of(decided: DecidedTargets, reported: Mapping[str, str]) -> tuple[dict[str, str], list[Message]]:
    """Return the codes of legs that cannot trade, by leg, and the new messages; ``reported`` are the codes before."""
    unusual = reported or decided.guarded.stopped_out or decided.unprotected or decided.orphaned
    if not unusual and _is_plain(decided.decision):
        return {}, []
    states = list(_states(decided))
    states += _without_target(decided, reported, {_key(state) for state in states})
    changed = [state for state in states if reported.get(_key(state), LegCode.OK) != _status_text(state)]
    codes = dict(reported) | {_key(state): _status_text(state) for state in changed}
    messages: list[Message] = list(_refused(decided))
    if changed:
        messages.append(_status(decided, [state.after(reported.get(_key(state), "")) for state in changed]))
    return {key: code for key, code in codes.items() if code != LegCode.OK}, messages


def _without_target(
    decided: DecidedTargets, reported: Mapping[str, str], stated: Collection[str]
) -> Iterator[LegState]:
    """Yield the legs without a target that are orphaned or have no stop at their venue, and those that are not now."""
    legs = {leg: _orphaned(leg) for leg in _orphans(decided)}
    legs |= {leg: _state(leg, LegCode.UNPROTECTED, detail) for leg, detail in decided.unprotected.items()}
    yield from (state for _, state in sorted(legs.items()) if _key(state) not in stated)
    for key, code in reported.items():
        instance, _, instrument = key.partition("/")
        if code in _TARGETLESS and key not in stated and (instance, instrument) not in legs:
            yield _state((instance, instrument), LegCode.OK, "")


def _orphans(decided: DecidedTargets) -> Collection[PositionKey]:
    """Return the orphaned legs; FLATTENING closes them as it does all others."""
    return () if decided.decision.book.trading_state is TradingState.FLATTENING else decided.orphaned


def _orphaned(leg: PositionKey) -> LegState:
    return _state(leg, LegCode.ORPHANED, "the desk file does not have it any more: nothing trades the position")


def _is_plain(decision: Decision) -> bool:
    """Return whether every leg could trade and nothing was refused, as in nearly every decision."""
    flattening = decision.book.trading_state is TradingState.FLATTENING
    return not (decision.refused or decision.dust or decision.too_small or flattening or decision.book.rules)


def _states(decided: DecidedTargets) -> Iterator[LegState]:
    decision = decided.decision
    unpriced = {refusal.order.leg: refusal.detail for refusal in decision.refused if refusal.code == Code.MISSING_DATA}
    unpriced |= {
        leg: f"no bar was seen: it is closed within the band of {decision.book.marks[leg[1]].price:f}, its average cost"
        for leg in decided.wanted
        if leg[1] in decision.book.marks and not decision.book.marks[leg[1]].closes_at_s
    }
    stopped_out = decided.guarded.stopped_out
    others = {*stopped_out, *decided.waiting, *_orphans(decided)}
    for leg, reason in sorted(stopped_out.items()):
        yield _state(leg, LegCode.STOPPED_OUT, reason)
    for leg, entry in sorted(decided.wanted.items()):
        if leg in others:
            continue
        if leg in decision.dust:
            held = decision.book.held.get(leg, FLAT)
            # What live orders close is no dust.
            left = EXACT.add(held.quantity, held.without_entries().open)
            yield _state(leg, LegCode.DUST, f"the venue takes no order that closes {left:f}")
        elif leg in decided.unprotected:
            yield _state(leg, LegCode.UNPROTECTED, decided.unprotected[leg])
        elif leg in decision.too_small:
            yield _state(leg, LegCode.BELOW_MINIMUM, f"weight {entry.target.weight} comes to less than the venue takes")
        elif leg in unpriced:
            yield _state(leg, LegCode.NO_PRICE, unpriced[leg])
        elif leg[1] in decision.book.rules:
            yield _state(leg, LegCode.RULES_CHANGED, decision.book.rules[leg[1]].reason)
        else:
            yield _state(leg, LegCode.OK, "")
    if not decided.waiting:
        yield _flat(decided)


def _flat(decided: DecidedTargets) -> LegState:
    """Return the account's own state: FLAT under FLATTENING, once it holds only dust that no order can close."""
    book = decided.decision.book
    if book.trading_state is not TradingState.FLATTENING:
        return _state(ACCOUNT, LegCode.OK, "")
    left = {leg: held for leg, held in book.held.items() if held.quantity or held.live}
    if left.keys() - set(decided.decision.dust):
        return _state(ACCOUNT, LegCode.OK, "")
    dust = ", ".join(f"{held.quantity:f} {leg[1]} of {leg[0]}" for leg, held in sorted(left.items()))
    return _state(ACCOUNT, LegCode.FLAT, f"but for dust: {dust}" if dust else "nothing is held or on order")


def _state(leg: PositionKey, code: LegCode, detail: str) -> LegState:
    return LegState(instance=leg[0], instrument=leg[1], code=code, detail=detail)


def _status_text(state: LegState) -> str:
    """Return what is remembered of a leg's state; rules that change once more are told once more."""
    return f"{state.code} {state.detail}" if state.code is LegCode.RULES_CHANGED else str(state.code)


def _key(state: LegState) -> str:
    return f"{state.instance}/{state.instrument}"


def _status(decided: DecidedTargets, changed: list[LegState]) -> LegStatus:
    # A leg may change back and forth within one market time, as around a halt; the book's version tells these apart.
    codes = [f"{_key(state)} {state.code}" for state in changed]
    version = decided.decision.book.version
    return LegStatus(
        id=ids.derive("legs", decided.account, decided.at.isoformat(), version, *codes),
        cause=next((entry.cause for entry in decided.wanted.values()), decided.decision.book.trading_state_cause),
        at=decided.at,
        account=decided.account,
        statuses=changed,
    )


def _refused(decided: DecidedTargets) -> Iterator[OrdersRefused]:
    by_cause: dict[str, list[Refusal]] = {}
    for refusal in new_refusals(decided.decision.refused, decided.wanted):
        by_cause.setdefault(decided.wanted[refusal.order.leg].cause, []).append(refusal)
    for cause, refusals in by_cause.items():
        yield OrdersRefused(
            id=ids.derive("refused", cause, *(f"{refusal.order.order_id} {refusal.code}" for refusal in refusals)),
            cause=cause,
            at=decided.at,
            account=decided.account,
            refusals=refusals,
        )
