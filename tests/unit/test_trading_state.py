"""The order permissions of an account's trading state."""

from datetime import timedelta

import pytest

from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState
from support.paper_examples import DECIDED, order

BEFORE, AFTER = DECIDED - timedelta(seconds=1), DECIDED + timedelta(seconds=1)
ENTRY, EXIT = order(), order("o2", side="sell", reduce_only=True)


@pytest.mark.parametrize(
    ("halt", "since", "entry", "exit_"),
    [
        (TradingState.ACTIVE, BEFORE, True, True),
        (TradingState.REDUCE_ONLY, AFTER, False, True),
        (TradingState.HALTED, AFTER, False, True),
        (TradingState.FLATTENING, AFTER, False, False),
        (TradingState.FLATTENING, DECIDED, False, True),
        (TradingState.FLATTENING, BEFORE, False, True),
        (TradingState.FLATTENING, None, False, True),
        (None, None, False, True),
    ],
)
def test_entries_rest_under_active_alone_and_under_flatten_exits_that_were_decided_since(
    halt: TradingState | None, since: object, entry: bool, exit_: bool
) -> None:
    state = OrderPermissions(halt, since)  # type: ignore[arg-type]
    assert (state.bars_resting(ENTRY) == "", state.bars_resting(EXIT) == "") == (entry, exit_)


@pytest.mark.parametrize(
    ("halt", "entry", "exit_"),
    [
        (TradingState.ACTIVE, True, True),
        (TradingState.REDUCE_ONLY, False, True),
        (TradingState.FLATTENING, False, True),
        (TradingState.HALTED, False, False),
        (None, False, False),
    ],
)
def test_nothing_goes_out_under_halt_or_without_a_state(halt: TradingState | None, entry: bool, exit_: bool) -> None:
    state = OrderPermissions(halt)
    assert (state.bars_sending(ENTRY) == "", state.bars_sending(EXIT) == "") == (entry, exit_)


def test_under_a_broken_loss_limit_no_entry_rests_or_goes_out() -> None:
    state = OrderPermissions(TradingState.ACTIVE, None, "the day's loss 9 is over 5")
    assert state.bars_resting(ENTRY) == state.bars_sending(ENTRY) == "the day's loss 9 is over 5"
    assert state.bars_resting(EXIT) == state.bars_sending(EXIT) == ""


def test_a_reason_names_the_state() -> None:
    assert OrderPermissions(TradingState.REDUCE_ONLY).bars_resting(ENTRY) == "the account is REDUCE_ONLY"
    assert OrderPermissions(None).bars_sending(EXIT) == "the account has no trading state"
