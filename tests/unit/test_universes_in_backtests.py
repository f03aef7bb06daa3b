"""A fast back-test of a universe that instruments leave and come back to trades as the production verbs do."""

from random import Random
from typing import Any

import msgspec
import pytest

from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.simulation import market
from support.backtests import ALL, START, desk_of, fast, full, instance

MINUTES = 300


def desk(dice: Random) -> Desk:
    timeframe = dice.choice(("1m", "1m", "5m"))
    strategies: dict[str, Any] = {
        "all": instance("momentum", timeframe=timeframe, params={"window": dice.choice((3, 9)), "top": 2, "every": 2}),
        "alike": instance(
            "momentum", timeframe=timeframe, allocation="0.3", params={"window": 5, "top": 1, "every": 3}
        ),
        "pair": instance("pairs", ALL[:2], timeframe, allocation="0.2", params={"window": 8, "entry": 1.0}),
    }
    return desk_of({name: strategies[name] for name in dice.sample(list(strategies), 2)} | {"all": strategies["all"]})


def recordings(dice: Random) -> list[Recording]:
    """The seeded market, in which instruments miss single bars, are silent, listed late or delisted."""
    recorded = []
    for series in market.market(dice.randint(0, 50), ALL, MINUTES, START):
        gone = {number for number in range(MINUTES) if dice.random() < 0.02}
        for begin in dice.sample(range(MINUTES), dice.choice((0, 1, 2))):
            gone.update(range(begin, begin + dice.randrange(5, 60)))
        gone.update(range(dice.choice((0, 0, 0, 0, 90))), range(dice.choice((MINUTES, MINUTES, MINUTES, 200)), MINUTES))
        rows = [bar for bar in series.bars if (bar.closes_at_s - START) // 60 not in gone]
        recorded.append(Recording.of(msgspec.structs.replace(series, bars=rows)))
    return recorded


@pytest.mark.parametrize("seed", range(10))
def test_a_universe_that_instruments_leave_trades_the_same_fast_and_in_full(seed: int) -> None:
    dice = Random(seed)
    traded, recorded, begins = desk(dice), recordings(dice), dice.choice((1, 60))
    span = START + 60 * begins, START + 60 * MINUTES
    quick, whole = fast(traded, recorded, *span, plain=True), full(traded, recorded, *span)
    assert len(whole.fills) > 5
    assert sorted(quick.fills) == sorted(whole.fills)
    assert sorted(quick.refusals) == sorted(whole.refusals)
    assert quick.equity == {at: whole.equity[at] for at in quick.equity}
