"""The table of trading states in docs/operations.md says what the ledger, risk and execution do."""

import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState
from fanfold.strategy.contract import Protected
from fanfold.trading.terms import TERMS
from support.paper_examples import DECIDED, order
from support.resting_world import LEG, STOPS, RestingWorld, bought

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
ROWS = re.findall(r"^\| ((?:ACTIVE|REDUCE_ONLY|HALTED|FLATTENING)[^|]*) \|(.+)\|$", PAGE, re.MULTILINE)
BROKEN = "ACTIVE, a loss limit broken"
BEFORE, SINCE = DECIDED - timedelta(seconds=1), DECIDED + timedelta(seconds=1)
ENTRY, EXIT = order(), order("o2", side="sell", reduce_only=True)
# A drawdown that the purchase and a fall of one percent break.
LIMITS = {BROKEN: {"drawdown_max": "0.001"}}


def halted(row: str, stop: float, rests: dict[str, frozenset[str]]) -> RestingWorld:
    """Return a world that bought at 100 with a stop, and whose account then came into the state of a row."""
    world = bought(Protected(0.5, stop=stop), rests, **LIMITS.get(row, {}))
    if row in {TradingState.REDUCE_ONLY, TradingState.HALTED, TradingState.FLATTENING}:
        world.halt(TradingState(row))
    return world


def stays(reason: str) -> str:
    return "cancelled" if reason else "stay"


def at_the_venue(row: str) -> str:
    """Return what becomes of a stop at 98 whose strategy asks for one at 98.50 now."""
    world = halted(row, 0.02, STOPS)
    for minute in (3, 4, 5):
        world.minute(minute, {LEG: Protected(0.5, stop=0.015)}, a=99)
    if not world.stops:
        return "cancelled" if not world.held else "gone"
    (stop,) = world.stops
    return "stay, and are updated" if stop.order.stop_price != 98 else "stay as they are"


def kept_by_the_desk(row: str) -> str:
    """Return what becomes of a position whose price falls through a stop that rests nowhere.

    Where the price stays, too, it may be closed.
    """
    calm, fallen = halted(row, 0.02, {}), halted(row, 0.02, {})
    calm.minute(3)
    fallen.minute(3, a=97)
    if not calm.held:
        return "all is closed"
    return "**do not act**" if fallen.held else "act"


def sent(permissions: OrderPermissions) -> str:
    """Return which orders are sent that were decided since the state was set."""
    permissions = msgspec.structs.replace(permissions, since=BEFORE)
    barred = [name for name, each in (("entries", ENTRY), ("exits", EXIT)) if permissions.bars_sending(each)]
    return {0: "entries and exits", 1: "exits only", 2: "none, **not even exits**"}[len(barred)]


def test_every_state_has_a_row() -> None:
    assert [row for row, _ in ROWS] == [str(TradingState.ACTIVE), BROKEN, *map(str, list(TradingState)[1:])]


@pytest.mark.parametrize(("row", "cells"), ROWS, ids=[row for row, _ in ROWS])
def test_a_row_says_what_happens(row: str, cells: str) -> None:
    breach = "the loss from the peak 9 is over 5" if row == BROKEN else ""
    permissions = OrderPermissions(TradingState(row.partition(",")[0]), SINCE, breach)
    assert [cell.strip() for cell in cells.split("|")] == [
        stays(permissions.bars_resting(ENTRY)),
        stays(permissions.bars_resting(EXIT)),
        at_the_venue(row),
        kept_by_the_desk(row),
        sent(permissions),
    ]


def test_an_exit_that_a_halt_holds_back_is_sent_after_it_though_the_price_has_recovered() -> None:
    world = halted(TradingState.HALTED, 0.02, {})
    world.minute(3, a=97)
    world.minute(4)
    assert world.held
    world.halt(TradingState.ACTIVE)
    world.minute(5)
    assert not world.held


def test_the_page_says_where_the_stops_of_each_exchange_are() -> None:
    said = {}
    for names, stop, profit in re.findall(r"^\| live at ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE):
        rests = {"stop-limit"} if "rests" in stop else set()
        for name in re.split(r", | or ", names):
            said[name.lower()] = rests | ({"oco"} if "OCO" in profit else set())
    assert said == {exchange: set(terms.rests) for exchange, terms in TERMS.items()}
