"""History through the verbs in memory: what the real handlers make of the same bars, message for message."""

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from fanfold.desk import Desk, dump, load
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.messages import Message
from fanfold.simulation.full_run import FullRun, full_run
from fanfold.simulation.schedules.replay import replay
from support.chained_messages import chained
from support.situations import Situation, every_minute, repository_desk

MINUTES = 200


def run(situation: Situation) -> tuple[FullRun, list[Message]]:
    published: list[Message] = []
    recordings = [entry if isinstance(entry, Recording) else Recording.of(entry) for entry in situation.recordings]
    return full_run(situation.desk, recordings, situation.closes[0], situation.closes[-1], published.append), published


def changed(desk: Desk, account: dict[str, Any] | None = None, **limits: Any) -> Desk:
    accounts = {name: msgspec.structs.replace(kept, **(account or {})) for name, kept in desk.accounts.items()}
    limited = {name: msgspec.structs.replace(kept, **limits) for name, kept in desk.limits.items()}
    return msgspec.structs.replace(desk, accounts=accounts, limits=limited)


def with_holes(situation: Situation, seed: int) -> Situation:
    """Leave out single bars and spans of them, each instrument its own."""
    random, recordings = Random(seed), []
    for recording in situation.recordings:
        series = recording.series(0, 2**62)
        kept, gone = [], 0
        for bar in series.bars:
            gone = gone - 1 if gone else random.choice((0,) * 60 + (1, 1, 9))
            kept += [] if gone else [bar]
        recordings.append(Recording.of(msgspec.structs.replace(series, bars=kept)))
    return situation._replace(recordings=recordings)


def spot(situation: Situation) -> Situation:
    return situation._replace(desk=changed(situation.desk, {"kind": "spot", "cash": Decimal(30_000)}))


def limited(situation: Situation) -> Situation:
    return situation._replace(desk=changed(situation.desk, orders_per_minute_max=2, drawdown_max=Decimal("0.001")))


def resting(situation: Situation) -> Situation:
    """Let orders rest at their price, some of them in slices."""
    own = situation.desk.strategies.items()
    strategies = {name: msgspec.structs.replace(kept, order="limit", stop=Decimal("0.004")) for name, kept in own}
    return situation._replace(desk=msgspec.structs.replace(situation.desk, strategies=strategies))


SITUATIONS = {
    "every strategy": lambda: repository_desk(MINUTES),
    "bars with holes": lambda: with_holes(repository_desk(MINUTES), 3),
    "orders every minute": lambda: every_minute(60),
    "spot": lambda: spot(every_minute(60)),
    "limits that refuse": lambda: limited(every_minute(60)),
    "limit orders and stops": lambda: resting(repository_desk(MINUTES)),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_real_handlers_come_to_the_same_messages_to_the_byte(name: str) -> None:
    situation = SITUATIONS[name]()
    result, published = run(situation)
    replayed = replay(load(dump(situation.desk), "the desk"), chained(published))
    assert replayed.differences == []
    assert replayed.same_hashes
    assert len(result.fills) > 5
    assert result.messages == len(published)


def test_limits_refuse_in_history_as_they_do_live() -> None:
    result, _ = run(limited(every_minute(60)))
    assert {"ORDER_RATE", "DRAWDOWN"} <= {str(refusal.code) for refusal in result.refusals}


@pytest.mark.parametrize("name", ["every strategy", "spot"])
def test_equity_is_the_cash_that_flowed_and_the_positions_at_each_close(name: str) -> None:
    situation = SITUATIONS[name]()
    result, _ = run(situation)
    recordings = {entry.instrument: entry.series(0, 2**62) for entry in situation.recordings}
    closes = {name: {bar.closes_at_s: kept.price(bar.close) for bar in kept.bars} for name, kept in recordings.items()}
    cash, held = situation.desk.accounts["main"].cash, dict.fromkeys(recordings, Decimal(0))
    left = list(result.fills)
    for point in result.equity["main"]:
        while left and left[0].at.timestamp() <= point.closes_at_s:
            fill = left.pop(0)
            quantity = fill.quantity if fill.side == "buy" else -fill.quantity
            cash -= quantity * fill.price + fill.fee
            held[fill.instrument] += quantity
        worth = sum(quantity * closes[name][point.closes_at_s] for name, quantity in held.items())
        assert point.equity == cash + worth
    assert len(result.equity["main"]) == len(situation.closes)
    assert not left


def test_a_live_account_and_a_span_that_ends_before_it_begins_are_refused() -> None:
    situation = repository_desk(2)
    with pytest.raises(BadInput, match="main: live accounts have no history"):
        run(situation._replace(desk=changed(situation.desk, {"mode": "live"})))
    with pytest.raises(BadInput, match="is after the last"):
        full_run(situation.desk, situation.recordings, situation.closes[-1], situation.closes[0])
