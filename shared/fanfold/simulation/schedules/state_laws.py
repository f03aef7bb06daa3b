"""Laws of trading states: the desk stops when it is told to."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from fanfold.ledger.controls import REARMED
from fanfold.ledger.trading_state import STRICTNESS, no_stricter
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.simulation.schedules.outcome import Outcome

# Less than a lot cannot be sold.
DUST = Decimal("0.002")


def flatten_ends_flat(outcome: Outcome) -> Iterator[str]:
    """An account that is flattened holds nothing, or has exits for all of it."""
    return still_held(outcome, DUST)


def still_held(outcome: Outcome, least: Decimal) -> Iterator[str]:
    """Positions under FLATTENING of which more than ``least`` has no exit: a bar takes only so much."""
    assert outcome.books.account is not None
    if outcome.books.account.trading_state is TradingState.FLATTENING:
        yield from (
            f"{leg} still holds {item.position.quantity}"
            for leg, item in sorted(outcome.books.positions.items())
            if abs(item.position.quantity) > least and abs(item.exposure.least) > least
        )


def no_entry_is_live_where_none_may_be(outcome: Outcome) -> Iterator[str]:
    """No entry is live in the end under a state that bars entries, unless nobody knows what became of it."""
    assert outcome.books.account is not None
    if outcome.books.account.trading_state is not TradingState.ACTIVE:
        yield from (
            f"entry {record.order.order_id} is {record.state} under {outcome.books.account.trading_state}"
            for record in outcome.live
            if not record.order.reduce_only and not record.doubt
        )


def nothing_is_claimed_that_the_state_forbids(outcome: Outcome) -> Iterator[str]:
    """No order is claimed for sending under a state that bars it."""
    for state, record in outcome.witness.claims:
        if state is TradingState.HALTED or (state is not TradingState.ACTIVE and not record.order.reduce_only):
            yield f"order {record.order.order_id} was claimed under {state}"


def a_commanded_state_is_in_force_when_it_is_answered(outcome: Outcome) -> Iterator[str]:
    """A trading state is in force by the time that the operator who commanded it has the answer."""
    witness = outcome.witness
    for command in witness.obeyed:
        if command.state not in witness.in_force(command.sent_at, command.answered_at):
            yield f"{command.state} was commanded and confirmed at {command.answered_at:.1f}, and was not in force"


def nothing_is_loosened_by_who_did_not_know_it(outcome: Outcome) -> Iterator[str]:
    """A stricter trading state is replaced only by a command whose giver had seen that very change."""
    witness = outcome.witness
    published = {message.id: message for message in outcome.messages_of(TradingStateChanged)}
    for before, after in pairwise(witness.changes):
        if STRICTNESS.index(after.state) < STRICTNESS.index(before.state):
            message = published.get(after.change)
            known = witness.knew.get(message.reason.removesuffix(f" {REARMED}")) if message else None
            if known != before.change:
                yield f"{before.state} became {after.state} by {after.change}, whose giver knew {known or 'nothing'}"


def a_command_is_refused_only_under_a_stricter_state(outcome: Outcome) -> Iterator[str]:
    """A command of a trading state as strict or stricter is never refused, whatever comes at the same moment."""
    witness = outcome.witness
    for command in witness.refused:
        in_force = witness.in_force(command.sent_at, command.answered_at)
        # An account that is not opened yet has no state, and takes no command.
        if in_force and in_force <= set(no_stricter(command.state)):
            yield f"{command.state} was refused at {command.answered_at:.1f} under {sorted(in_force)}"


def no_entry_fills_in_a_bar_that_opened_under_a_halt(outcome: Outcome) -> Iterator[str]:
    """No entry fills in a bar during all of which entries were barred."""
    for fill in outcome.fills:
        closed = fill.at.timestamp()
        states = outcome.witness.in_force(closed - 60, closed + 60)
        if TradingState.ACTIVE not in states and not outcome.records[fill.order_id].order.reduce_only:
            yield f"entry {fill.order_id} filled at {fill.at:%H:%M} under {sorted(states)}"


def the_trading_state_in_force_was_told(outcome: Outcome) -> Iterator[str]:
    """The message that set the trading state in force was published, and says that state."""
    account = outcome.books.account
    if account is None or not account.trading_state_cause:
        return  # It is as it was opened.
    message = outcome.unique.get(account.trading_state_cause)
    if not isinstance(message, TradingStateChanged) or message.state is not account.trading_state:
        yield f"the state is {account.trading_state}, and no message says so"
