"""Following, sweeping and killing end within the time of their functions at each venue, however many orders rest."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fanfold.errors import VenueUnavailable
from fanfold.messages import OrderState, TradingState
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.client import TIMEOUT_S
from fanfold.venues.ccxt.keyed import RESERVE_S
from support.paced_exchange import PacedWorld

ROOT = Path(__file__).parents[2]


def _stated(path: str, name: str) -> int:
    """Return a number of seconds of a template, whose tags no plain reader of YAML knows."""
    (seconds,) = re.findall(rf"^ *{name}: (\d+)$", (ROOT / path).read_text(), re.MULTILINE)
    return int(seconds)


EXECUTE_S = _stated("shared/stacks/params.yml", "functionTimeout")
SWEEP_S = _stated("services/execution/serverless.yml", "timeout")
# Of an answer, as docs/venues.md has it, and what is kept of a function's time behind the slowest one.
ANSWER_S, KEPT_S = 0.1, RESERVE_S - TIMEOUT_S
MOST = 300


def world_of(exchange: str, count: int, function_s: float, answer_s: float = ANSWER_S) -> PacedWorld:
    return PacedWorld(exchange, count, answer_s, function_s - RESERVE_S)


def swept(world: PacedWorld) -> None:
    world.process().sweep(world.ledger.live("main"))


def polled(world: PacedWorld) -> None:
    world.process().polled(world.bars())


def killed(world: PacedWorld) -> None:
    world.halt(TradingState.HALTED)
    with suppress(VenueUnavailable):
        world.kill(world.process())


@pytest.mark.parametrize("answer_s", [ANSWER_S, TIMEOUT_S])
@pytest.mark.parametrize("count", [1, 20, 100])
@pytest.mark.parametrize("exchange", TERMS)
def test_no_invocation_is_ended_at_its_limit(exchange: str, count: int, answer_s: float) -> None:
    for act, function_s in ((polled, EXECUTE_S), (killed, EXECUTE_S), (swept, SWEEP_S)):
        world = world_of(exchange, count, function_s, answer_s)
        assert world.takes(lambda act=act, world=world: act(world)) <= function_s - KEPT_S  # type: ignore[misc]


@pytest.mark.parametrize("exchange", TERMS)
def test_a_kill_asks_for_every_cancel_at_once_and_the_books_know_their_ends_within_three_minutes(exchange: str) -> None:
    world = world_of(exchange, 40, EXECUTE_S)
    killed(world)
    assert world.opened == {}
    world.ends_after_s = SWEEP_S - RESERVE_S
    for _ in range(3):
        world.wait(60)
        swept(world)
    assert set(world.states().values()) == {OrderState.CANCELED}


def most(whole: Callable[[int], bool]) -> str:
    """Return the most instruments of which something is done whole, as docs/venues.md writes it."""
    if whole(MOST):
        return f"{MOST} and more"
    few, many = 1, MOST
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if whole(middle) else (few, middle)
    return str(few)


def follows(exchange: str, count: int) -> bool:
    world = world_of(exchange, count, EXECUTE_S)
    process = world.process()
    process.polled(world.bars())
    world.wait(120)
    world.events.clear()
    world.takes(lambda: process.polled(world.bars()))
    return world.events == []


def sweeps(exchange: str, count: int) -> bool:
    world = world_of(exchange, count, SWEEP_S)
    swept(world)
    return world.events == []


def kills(exchange: str, count: int) -> bool:
    world = world_of(exchange, count, EXECUTE_S)
    killed(world)
    return world.opened == {}


@pytest.mark.parametrize("exchange", TERMS)
def test_the_page_says_how_many_instruments_each_venue_carries(exchange: str) -> None:
    figures = [most(lambda count, whole=whole: whole(exchange, count)) for whole in (follows, sweeps, kills)]  # type: ignore[misc]
    names = {"okx": "OKX"}
    row = f"| {names.get(exchange, exchange.capitalize())} | {' | '.join(figures)} |"
    assert row in (ROOT / "docs/venues.md").read_text()
