"""A poll's parts come together in any order, on a table as in memory, and exactly the last one sees them complete."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from random import Random

import msgspec
import pytest

from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.desk_entries import LEGS_MAX, SYMBOLS_MAX
from fanfold.errors import Conflict
from fanfold.messages import Target, Targets
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import CarriedForward, PollPart, PollState, Unfinished
from fanfold.risk.standing import StandingTarget
from fanfold.simulation.plain_polls import PlainPolls
from fanfold.simulation.stores import MemoryPolls
from risk_service.assess import PollStore
from support.emulator import Cloud
from support.ledger_examples import create_table, once

AT = datetime.fromtimestamp(60, UTC)
KINDS = ("bars", "targets", "matched")
MARKS = {"BTC/USDT": Mark(price=Decimal("100.50"), closes_at_s=60, variance=0.1)}


@pytest.fixture(params=["table", "memory", "plain"])
def gathering(request: pytest.FixtureRequest, cloud: Cloud) -> PollStore:
    if request.param != "table":
        once(cloud)
        return MemoryPolls() if request.param == "memory" else PlainPolls()
    create_table(cloud.admin, "ledger")
    return DynamoPolls(Table(cloud.call, "ledger"))


def poll(at: int, part: int = 1, parts: int = 1) -> PollPart:
    return PollPart(poll_id=f"poll/{at}", at=at, part=part, parts=parts)


def targets(at: int, part: int = 1) -> Targets:
    wanted = Target(signal_id=f"s{at}", instance="trend", instrument="BTC/USDT", timeframe="1m", weight=0.1 + part)
    return Targets(
        id=f"t{at}/{part}",
        cause="b",
        at=datetime.fromtimestamp(at, UTC),
        account="main",
        poll_id=f"poll/{at}",
        part=part,
        parts=2,
        targets=[wanted],
    )


def arrive(gathering: PollStore, kind: str, which: PollPart) -> PollState:
    if kind == "bars":
        return gathering.marked("main", which, MARKS, gathering.read("main").marks_version, idle=False)
    if kind == "matched":
        return gathering.matched("main", which)
    return gathering.targeted("main", which, targets(which.at, which.part))


@pytest.mark.parametrize("order", list(permutations([(1, 1), (1, 2), (1, 3), (2, 1)])))
def test_a_part_of_targets_that_was_cut_is_there_with_its_last_chunk(
    gathering: PollStore, order: tuple[tuple[int, int], ...]
) -> None:
    chunks, seen = {}, []
    for kind in ("bars", "matched"):
        for part in (1, 2):
            arrive(gathering, kind, poll(60, part, 2))
    for part, chunk in order:
        whole = targets(60, part)
        chunks[part, chunk] = msgspec.structs.replace(
            whole, id=f"{whole.id}/{chunk}", chunk=chunk, chunks=3 if part == 1 else 1
        )
        seen.append(gathering.targeted("main", poll(60, part, 2), chunks[part, chunk]).complete)
    assert seen == [False, False, False, True]
    assert gathering.read("main").targets == tuple(chunks[place] for place in sorted(chunks))


@pytest.mark.parametrize("order", list(permutations(KINDS)))
def test_in_any_order_the_last_one_alone_sees_it_complete(gathering: PollStore, order: tuple[str, ...]) -> None:
    seen = [arrive(gathering, kind, poll(60)).complete for kind in order]
    assert seen == [False, False, True]
    state = gathering.read("main")
    assert (state.poll_id, state.at, state.targets, state.marks) == ("poll/60", 60, (targets(60),), MARKS)


@pytest.mark.parametrize("seed", range(3))
def test_parts_and_duplicates_come_together_in_any_order(gathering: PollStore, seed: int) -> None:
    arrivals = [(kind, poll(60, part, 2)) for kind in KINDS for part in (1, 2)] * 2
    Random(seed).shuffle(arrivals)
    missing = set(range(6))
    for kind, which in arrivals:
        missing.discard(KINDS.index(kind) * 2 + which.part - 1)
        assert arrive(gathering, kind, which).complete == (not missing)
    assert gathering.read("main").targets == (targets(60, 1), targets(60, 2))


WANTED = StandingTarget(
    target=targets(60).targets[0],
    at=datetime.fromtimestamp(60, UTC),
    cause="t60/1",
    attempt=2,
    quantity=Decimal("1.5"),
    code="CASH",
)


def carried(*left: StandingTarget) -> CarriedForward:
    return CarriedForward(
        targets=list(left),
        reported={"leg": "WHY"},
        peak_equity=Decimal("10.5"),
        day="2026-03-01",
        day_start_equity=Decimal(9),
        last_equity=Decimal(8),
    )


def note(gathering: PollStore, decided: str, *left: StandingTarget) -> None:
    gathering.note("main", gathering.read("main"), carried(*left), rearmed=False, decided=decided)


def test_a_decided_poll_is_complete_no_more_and_what_comes_late_changes_nothing(gathering: PollStore) -> None:
    for kind in KINDS:
        arrive(gathering, kind, poll(60))
    note(gathering, "poll/60", WANTED)
    state = gathering.read("main")
    assert (state.decided, state.carried) == (True, carried(WANTED))
    assert state.carried.standing == {WANTED.leg: WANTED}
    assert not arrive(gathering, "matched", poll(60)).complete
    assert not arrive(gathering, "targets", poll(60)).complete
    assert gathering.read("main") == state


def test_a_newer_poll_takes_over_marks_and_unfinished_targets_and_an_older_one_changes_nothing(
    gathering: PollStore,
) -> None:
    for kind in KINDS:
        arrive(gathering, kind, poll(60))
    note(gathering, "poll/60", WANTED)
    state = arrive(gathering, "targets", poll(120))
    assert (state.poll_id, state.arrived, state.decided) == ("poll/120", {"targets/1"}, False)
    assert (state.marks, state.carried) == (MARKS, carried(WANTED))
    for kind in ("targets", "matched"):
        assert arrive(gathering, kind, poll(60)) == state
    note(gathering, "poll/60")
    state = gathering.read("main")
    assert (state.poll_id, state.decided, state.carried) == ("poll/120", False, carried())


@pytest.mark.parametrize("kind", KINDS)
def test_a_poll_that_nobody_decided_on_is_not_lost_to_a_newer_one(gathering: PollStore, kind: str) -> None:
    arrive(gathering, "targets", poll(60))
    with pytest.raises(Unfinished) as raised:
        arrive(gathering, kind, poll(120))
    assert raised.value.gathered == gathering.read("main")
    assert raised.value.gathered.targets == (targets(60),)
    note(gathering, "poll/60")
    assert arrive(gathering, kind, poll(120)).poll_id == "poll/120"


def test_of_two_decisions_on_the_same_targets_the_second_is_refused(gathering: PollStore) -> None:
    first = gathering.read("main")
    gathering.note("main", first, carried(), rearmed=False, decided="")
    with pytest.raises(Conflict):
        gathering.note("main", first, carried(WANTED), rearmed=False, decided="")
    assert gathering.read("main").carried.standing == {}
    for kind in KINDS:
        arrive(gathering, kind, poll(60))
    with pytest.raises(Conflict):
        gathering.note("main", first, carried(WANTED), rearmed=False, decided="poll/60")
    assert not gathering.read("main").decided


def test_bars_without_strategies_await_no_targets(gathering: PollStore) -> None:
    gathering.matched("main", poll(60))
    assert gathering.marked("main", poll(60), MARKS, 0, idle=True).complete


def test_the_polls_of_all_accounts_are_read_at_once(gathering: PollStore) -> None:
    arrive(gathering, "bars", poll(60))
    polls = gathering.read_all(["main", "other"])
    assert polls == {"main": gathering.read("main"), "other": gathering.read("other")}


def test_another_batch_of_the_same_time_changes_nothing(gathering: PollStore) -> None:
    complete = arrive(gathering, "targets", poll(60))
    late = PollPart(poll_id="late/60", at=60, part=1, parts=1)
    assert gathering.matched("main", late) == complete
    assert gathering.targeted("main", late, targets(60)) == complete


def test_marks_of_an_older_version_are_refused(gathering: PollStore) -> None:
    arrive(gathering, "bars", poll(60, 1, 2))
    for which in (poll(60, 2, 2), poll(120)):
        with pytest.raises(Conflict):
            gathering.marked("main", which, {}, 0, idle=False)
    assert gathering.read("main").marks == MARKS
    assert arrive(gathering, "bars", poll(60, 2, 2)).arrived == {"bars/1", "bars/2"}


def test_an_account_begins_without_a_poll(gathering: PollStore) -> None:
    begun, nothing = gathering.read("main"), PollState()
    assert (begun.poll_id, begun.at, begun.parts, begun.decided) == ("", 0, 0, False)
    assert (begun.targets, begun.marks, begun.carried) == (nothing.targets, nothing.marks, nothing.carried)
    assert not PollState().complete


def test_the_poll_of_the_most_legs_and_instruments_that_a_desk_takes_fits_its_item(cloud: Cloud) -> None:
    create_table(cloud.admin, "ledger")
    polls = DynamoPolls(Table(cloud.call, "ledger"))
    chance = Random(7)
    legs = [
        Target(
            signal_id=chance.randbytes(16).hex(),
            instance=f"an-instance-of-a-long-name-{number // 1_000}",
            instrument=f"COIN{number % 1_000}/USDT",
            timeframe="15m",
            weight=chance.random(),
        )
        for number in range(LEGS_MAX)
    ]
    marks = {
        f"COIN{number}/USDT": Mark(
            price=Decimal(chance.randrange(1, 10**8)).scaleb(-4), closes_at_s=60, variance=chance.random() / 10**6
        )
        for number in range(SYMBOLS_MAX)
    }
    stands = [
        StandingTarget(target=leg, at=AT, cause="c" * 32, attempt=2, quantity=Decimal(chance.randrange(10**9)))
        for leg in legs
    ]
    polls.note("main", polls.read("main"), CarriedForward(targets=stands))
    polls.marked("main", poll(60), marks, 0, idle=False)
    gathered = polls.targeted("main", poll(60), msgspec.structs.replace(targets(60), parts=1, targets=legs))
    assert len(gathered.marks) == SYMBOLS_MAX
    assert len(gathered.carried.targets) == len(gathered.targets[0].targets) == LEGS_MAX
    packed = [*gathered.packed_targets, gathered.packed_marks, gathered.packed_carried]
    assert sum(map(len, packed)) < 350_000, "an item takes 400 KB, its names and tokens included"


def test_another_process_reads_the_parts_that_one_packed(cloud: Cloud) -> None:
    create_table(cloud.admin, "ledger")
    first, second = (DynamoPolls(Table(cloud.call, "ledger")) for _ in range(2))
    note(first, "", WANTED)
    arrive(first, "bars", poll(60))
    arrive(first, "targets", poll(60))
    own, read = first.read("main"), second.read("main")
    assert own.marks is MARKS, "what a process packed itself it need not unpack"
    assert (read.marks, read.targets, read.carried) == (own.marks, own.targets, own.carried)
    arrive(second, "targets", poll(60, 2, 2))
    assert first.read("main").targets == second.read("main").targets == (targets(60), targets(60, 2))
