"""One market, one result: whatever the speed, the deliveries and the crashes."""

from datetime import UTC, datetime

import pytest

from fanfold.market import bars
from fanfold.messages import TradingStateChanged, encode
from fanfold.signals.fold import Fold
from fanfold.simulation.full_run import full_run
from support.trading import Desk, Killer, Outcome, bars_of, closes, planned, replayed, trade

MINUTES = 90


@pytest.fixture(scope="module")
def plan():
    return planned(MINUTES)


@pytest.fixture(scope="module")
def plain(plan, deployed, tmp_path_factory) -> Outcome:
    return trade(tmp_path_factory.mktemp("plain") / "state", deployed, plan, replayed)


def sound(outcome: Outcome) -> bool:
    return (
        outcome.balance
        and not outcome.dead_letters
        and all(verdict.kind == "sound" and not verdict.pending for verdict in outcome.verdicts)
    )


def test_a_run_trades_and_its_books_balance(plan, plain):
    assert sound(plain)
    assert len(plain.fills) > 10
    # Only what was decided at the last close has no later bar to fill at.
    last = f"decided_at={datetime.fromtimestamp(plan.until, UTC)!r}"
    assert all(last in order for order_id, order in plain.orders.items() if order_id not in plain.states)


def test_the_targets_equal_a_plain_fold_over_the_same_bars_bit_for_bit(plan, plain):
    folded = {}
    fold = Fold(plan.desk, "market")
    batches: dict[int, list] = {}
    for message in bars_of(plain.messages):
        batches.setdefault(int(message.at.timestamp()), []).extend(bars.unpack(message.frames))
    for at, series in batches.items():
        targets, gaps = fold.accept(series, at)
        assert gaps == []
        for _, target in targets:
            folded.setdefault(at, {})[target.instance, target.instrument] = target.weight.hex()
    published = {}
    for message in plain.messages:
        if type(message).__name__ == "Targets" and message.targets:
            held = published.setdefault(int(message.at.timestamp()), {})
            held.update({(target.instance, target.instrument): target.weight.hex() for target in message.targets})
    assert published == folded


def test_history_through_the_verbs_in_memory_gives_every_message_of_the_run_to_the_byte(plan, plain):
    published = []
    result = full_run(plan.desk, plan.recordings, plan.start, plan.until, published.append)
    ran, again = (
        {message.id: encode(message) for message in messages if not isinstance(message, TradingStateChanged)}
        for messages in (plain.messages, published)
    )
    assert again == ran
    assert [fill.trade_id for fill in result.fills] == list(dict.fromkeys(fill.trade_id for fill in result.fills))
    assert {fill.trade_id for fill in result.fills} == plain.fills.keys()


def test_another_speed_ends_in_the_same_orders_fills_and_books(plan, plain, deployed, tmp_path):
    def slowly(desk: Desk) -> None:
        closes(desk, range(plan.start, plan.until + 1, 60), pause_s=0.06)

    assert trade(tmp_path / "state", deployed, plan, slowly).result == plain.result


@pytest.mark.parametrize(
    "chaos",
    ["seed=1,duplicate=1", "seed=2,delay=0.04,shuffle=1", "seed=3,duplicate=0.5,delay=0.03,shuffle=1"],
)
def test_duplicated_delayed_and_shuffled_events_change_nothing(plan, plain, deployed, tmp_path, chaos):
    outcome = trade(tmp_path / "state", deployed, plan, replayed, chaos)
    assert outcome.result == plain.result
    assert sound(outcome)


def test_killing_function_processes_at_random_moments_changes_nothing(plan, plain, deployed, tmp_path):
    killed = 0

    def under_fire(desk: Desk) -> None:
        nonlocal killed
        with Killer(desk.cloud, seed=11, mean_pause_s=0.6) as killer:
            replayed(desk)
        killed = killer.killed

    outcome = trade(tmp_path / "state", deployed, plan, under_fire)
    assert killed > 5
    assert outcome.result == plain.result
    assert sound(outcome)
