"""Every law sees the fault that it is there for: with one guard of the desk switched off, some seed breaks it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.sweep import Sweeper
from fanfold.aws.dynamodb import ledger_changes
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.codes import Code
from fanfold.ledger import booking, bookings, controls, orders
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import BookTrade, MovePosition, SetTradingState
from fanfold.matching import fills
from fanfold.messages import TradingState
from fanfold.risk import bundles, decision, slicing, standing
from fanfold.simulation.schedules.desk_day import DeskDay
from fanfold.simulation.schedules.law import Law
from fanfold.simulation.schedules.laws import PAPER_LAWS
from fanfold.simulation.schedules.outcome import Outcome

SEEDS = range(400)
# Where only few seeds break a law, the first that does is near here.
FROM = {
    "no_trade_is_booked_twice": 59, "no_live_order_is_without_a_future": 49, "flatten_ends_flat": 338,
    "nothing_is_claimed_that_the_state_forbids": 118, "what_is_approved_is_what_the_ledger_has": 37,
    "no_entry_fills_in_a_bar_that_opened_under_a_halt": 21, "no_exposure_is_approved_over_its_limit": 12,
}  # fmt: skip


class Guard(NamedTuple):
    """A guard by its owner and name, and what stands in its place: a function of what was there."""

    owner: Any
    name: str
    instead: Callable[[Any], Any]


def _of_one_id(report: Any) -> Any:
    return lambda *arguments: msgspec.structs.replace(report(*arguments), id="booked")


def _as_active(begin: Any) -> Any:
    return lambda kept, fresh, book, at: begin(
        kept, fresh, msgspec.structs.replace(book, trading_state=TradingState.ACTIVE), at
    )


def _a_cent_more(apply: Any) -> Any:
    def wrong(*arguments: Any) -> booking.BookingResult:
        result: booking.BookingResult = apply(*arguments)
        return msgspec.structs.replace(result, cash=result.cash + Decimal("0.01"))

    return wrong


def _as_it_was(write_of: Any) -> Any:
    def wrong(table: Any, outbox: Any, change: Any) -> Any:
        if isinstance(change, MovePosition):
            change = msgspec.structs.replace(change, after=change.before)
        return write_of(table, outbox, change)

    return wrong


def _uncounted(fill: Any) -> Any:
    return lambda record, execution: msgspec.structs.replace(fill(record, execution), filled=record.filled)


def _unheld(holding: Any) -> Any:
    def wrong(outbox: Outbox, message: Any) -> Any:
        written = holding(outbox, message)
        written["Put"]["Item"]["pk"] = {"S": "lost"}
        return written

    return wrong


def _unconditional(write_of: Any) -> Any:
    def wrong(table: Any, outbox: Any, change: Any) -> Any:
        write = write_of(table, outbox, change)
        if isinstance(change, BookTrade):
            write["Put"].pop("ConditionExpression")
        return write

    return wrong


def _without(code: Code) -> Any:
    return lambda known: tuple(rule for rule in known if rule.code is not code)


def _always_halted(write_of: Any) -> Any:
    def wrong(table: Any, outbox: Any, change: Any) -> Any:
        if isinstance(change, SetTradingState):
            change = SetTradingState(msgspec.structs.replace(change.message, state=TradingState.HALTED))
        return write_of(table, outbox, change)

    return wrong


def _whatever_is_in_force(write_of: Any) -> Any:
    def wrong(table: Any, outbox: Any, change: Any) -> Any:
        write = write_of(table, outbox, change)
        if isinstance(change, SetTradingState):
            write["Update"].pop("ConditionExpression")
            write["Update"]["ExpressionAttributeValues"] = {
                name: value
                for name, value in write["Update"]["ExpressionAttributeValues"].items()
                if name in write["Update"]["UpdateExpression"]
            }
        return write

    return wrong


def _never_gone(write: Any) -> Any:
    return lambda book, account, version, changed, _gone, matched: write(book, account, version, changed, [], matched)


MUTANTS: dict[str, list[Guard]] = {
    "one_id_is_one_message": [Guard(booking, "report", _of_one_id)],
    "nothing_is_left_unpublished": [Guard(Outbox, "sweep", lambda _sweep: lambda _outbox: 0)],
    "no_trade_is_booked_twice": [
        Guard(booking, "apply", lambda was: lambda *arguments: was(*arguments[:-1], {})),
        Guard(ledger_changes, "write_of", _unconditional),
    ],
    "cash_is_what_the_fills_say": [Guard(booking, "apply", _a_cent_more)],
    "reserved_is_what_live_orders_hold": [Guard(orders, "released", lambda _was: lambda _before, _after: Decimal(0))],
    "positions_are_the_folds_of_their_fills": [Guard(ledger_changes, "write_of", _as_it_was)],
    "legs_await_what_live_orders_have_to_fill": [
        Guard(booking, "pending_of", lambda was: lambda steps: dict.fromkeys(was(steps), booking.Pending())),
    ],
    "orders_fill_what_they_are_for_and_no_more": [Guard(orders, "fill", _uncounted)],
    "what_is_approved_is_what_the_ledger_has": [Guard(Outbox, "holding", _unheld)],
    "nothing_rests_that_the_ledger_has_ended": [Guard(PaperBook, "write", _never_gone)],
    "nothing_is_claimed_that_the_state_forbids": [
        Guard(booking, "permitted", lambda _was: lambda _claims: tuple(TradingState)),
    ],
    "no_live_order_is_without_a_future": [Guard(Sweeper, "sweep", lambda _was: lambda *_given: 0)],
    "the_index_of_live_orders_is_what_lives": [Guard(bookings, "unindexing", lambda _was: lambda *_given: [])],
    "no_entry_fills_in_a_bar_that_opened_under_a_halt": [
        Guard(OrderMatcher, "_cancels", lambda _was: lambda *_given: False),
    ],
    "no_entry_is_live_where_none_may_be": [
        Guard(Placer, "place", lambda _was: lambda *_given: None),
        Guard(Sweeper, "sweep", lambda _was: lambda *_given: 0),
    ],
    "no_order_is_over_its_limit": [Guard(bundles, "ORDER_RULES", _without(Code.ORDER_NOTIONAL))],
    # Who wants more than there is, and nobody who looks at the cash.
    "spot_cash_is_never_below_zero": [
        Guard(decision, "desired", lambda was: lambda *arguments: 3 * was(*arguments)),
        Guard(bundles, "ORDER_RULES", lambda _rules: ()),
        Guard(slicing, "reservation", lambda _was: lambda *_given: Decimal(0)),
        Guard(fills, "_paid_for", lambda _was: lambda wanted, *_given: wanted),
    ],
    "no_position_is_approved_over_its_limit": [Guard(bundles, "ORDER_RULES", _without(Code.POSITION_NOTIONAL))],
    "no_exposure_is_approved_over_its_limit": [
        Guard(bundles, "ORDER_RULES", _without(code)) for code in (Code.GROSS_EXPOSURE, Code.NET_EXPOSURE)
    ],
    "no_entry_is_approved_while_a_loss_limit_is_broken": [
        Guard(bundles, "ORDER_RULES", _without(code)) for code in (Code.DAILY_LOSS, Code.DRAWDOWN)
    ],
    "a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it": [
        Guard(Approvals, "breach", lambda _was: lambda *_given: None),
    ],
    "the_trading_state_in_force_was_told": [Guard(ledger_changes, "write_of", _always_halted)],
    "nothing_is_loosened_by_who_did_not_know_it": [Guard(ledger_changes, "write_of", _whatever_is_in_force)],
    "a_command_is_refused_only_under_a_stricter_state": [
        Guard(owner, "no_stricter", lambda _was: lambda state: (state,)) for owner in (ledger_changes, controls)
    ],
    "flatten_ends_flat": [
        Guard(standing, "begin", _as_active),
        Guard(decision, "_canonical", lambda was: lambda entries, _state: was(entries, TradingState.ACTIVE)),
    ],
}


@pytest.mark.parametrize("law", MUTANTS)
def test_a_desk_without_this_guard_breaks_its_law(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for guard in MUTANTS[law]:
        monkeypatch.setattr(guard.owner, guard.name, guard.instead(getattr(guard.owner, guard.name)))
    (known,) = [candidate for candidate in PAPER_LAWS if candidate.name == law]
    assert any(_breaks(known, seed) for seed in SEEDS[FROM.get(law, 0) :])


def _breaks(law: Law, seed: int) -> bool:
    try:
        world = DeskDay(seed).run()
    except AssertionError:
        return False  # The desk comes to no end, which is another law.
    return bool(law.broken(Outcome(world)))
