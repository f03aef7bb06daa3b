"""Tickets: signed proposals that only a person at a terminal carries out, once, on what they were made for."""

import io
import os
import pty
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold.cli.argument_types import Options
from fanfold.cli.assistants import desk_changes
from fanfold.cli.assistants.tickets import DeskChange, Ticket, TicketApproval, TicketBox
from fanfold.cli.commands import approve, tickets
from fanfold.errors import BadInput, NothingThere
from fanfold.messages import TradingState
from fanfold.operators.persons import Person
from support.assistant_desk import DESK_FILE, AssistantWorld, world_in
from support.command_processes import COMMAND
from support.desk_fixture import ROOT

GROSS = "limits.main.gross_max"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AssistantWorld:
    made = world_in(tmp_path, monkeypatch)
    # Commands have this machine's clock.
    made.now = datetime.now(UTC)
    return made


def proposed(world: AssistantWorld, key: str = GROSS, value: Any = 0.9, **more: Any) -> str:
    """Return the id of a ticket that changes a key of the desk file."""
    changes = [{"key": key, "value": value}]
    data = world.data_of("propose", kind="desk", why="more room", changes=changes, dry_run=False, **more)
    return str(data["ticket"]["id"])


def confirmed(world: AssistantWorld, monkeypatch: pytest.MonkeyPatch, ticket: str) -> Any:
    """Approve a ticket as a person who confirmed it."""
    monkeypatch.setattr(approve, "_confirm", lambda _ticket: None)
    return approve.command(ticket, options=Options(world.state, json=False, command="approve"))


def test_a_ticket_says_what_it_changes_and_what_it_widens(world: AssistantWorld) -> None:
    before = world.desk_file.read_text()
    proposal = {"kind": "desk", "why": "more room", "changes": [{"key": GROSS, "value": 0.9}]}
    dry = world.data_of("propose", **proposal)
    assert not dry["done"]
    assert world.data_of("tickets") == {"tickets": []}
    ticket = dry["ticket"]
    assert [line["outside_text"] for line in ticket["widened"]] == ["limits.main.gross_max from 0.85 to 0.9"]
    assert {"outside_text": "+gross_max = 0.9"} in [
        {"outside_text": line["outside_text"].partition(" #")[0].rstrip()}
        for line in ticket["difference"]
        if "outside_text" in line
    ]
    assert world.desk_file.read_text() == before


def test_an_approved_ticket_changes_the_desk_file_and_leaves_all_else_as_it_was(
    world: AssistantWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.desk_file.read_text()
    world.desk_file.chmod(0o640)
    ticket = proposed(world)
    confirmed(world, monkeypatch, ticket[:8])
    after = world.desk_file.read_text()
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0][1].startswith("gross_max = 0.9")
    assert world.desk_file.stat().st_mode & 0o777 == 0o640
    said = [record.message for record in world.place.journal.records()][-2:]
    assert [(message["event"], message["ticket"]) for message in said] == [("approving", ticket), ("approved", ticket)]
    with pytest.raises(BadInput, match="is approved; have it proposed anew"):
        confirmed(world, monkeypatch, ticket)


def test_a_ticket_that_was_changed_expired_or_is_of_another_file_is_not_carried_out(
    world: AssistantWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = proposed(world)
    path = world.own / "tickets" / f"{forged}.json"
    path.write_bytes(path.read_bytes().replace(b"0.9", b"9.9"))
    with pytest.raises(BadInput, match="was changed after it was signed"):
        confirmed(world, monkeypatch, forged)
    assert world.data_of("tickets")["tickets"][0]["state"] == {"outside_text": "changed after it was signed"}
    world.now -= timedelta(hours=25)
    other = proposed(world)
    with pytest.raises(BadInput, match="is expired"):
        confirmed(world, monkeypatch, other)
    with pytest.raises(NothingThere, match="no ticket 'ffff'"):
        confirmed(world, monkeypatch, "ffff")


def test_a_desk_file_that_changed_meanwhile_is_left_alone(world: AssistantWorld) -> None:
    ticket = TicketBox(world.own).find(proposed(world))
    world.desk_file.write_text(world.desk_file.read_text() + "\n# mine\n")
    with pytest.raises(BadInput, match="has changed since the ticket was made"):
        approve._written(ticket)


def test_two_boxes_sign_with_keys_of_their_own(tmp_path: Path, world: AssistantWorld) -> None:
    ticket = TicketBox(world.own).find(proposed(world))
    (tmp_path / "own").mkdir()
    assert not TicketBox(tmp_path / "own").is_genuine(ticket)
    key = world.own / "ticket.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert TicketBox(world.own).sign(ticket) == ticket


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([DeskChange(key="accounts.main.mode", value="live")], "is real money"),
        ([DeskChange(key="limits.nobody.gross_max", value=1)], "has no table 'limits.nobody'"),
        ([DeskChange(key="limits.main.nosuch", value=None)], "has no 'limits.main.nosuch'"),
        ([DeskChange(key="limits.main.nosuch", value=1)], "nosuch"),
        ([DeskChange(key="limits.main.gross_max", value="much")], "gross_max"),
        ([DeskChange(key="not a key", value=1)], "is no key of a desk file"),
        ([DeskChange(key="x = 1\ny", value=1)], "is no key of a desk file"),
        ([], "changes 1 to 40 keys"),
    ],
)
def test_a_change_that_makes_no_desk_is_refused(changes: list[DeskChange], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        desk_changes.changed(DESK_FILE.read_text(), changes, "desk.toml")


def test_a_smaller_figure_widens_nothing_and_another_strategy_does() -> None:
    text = DESK_FILE.read_text()
    after = desk_changes.changed(text, [DeskChange(key="limits.main.drawdown_max", value=0.1)], "desk.toml")
    assert str(desk_changes.entries_of(after, "d").limits["main"].drawdown_max) == "0.1"
    before, now = desk_changes.entries_of(text, "d"), desk_changes.entries_of(after, "d")
    assert list(desk_changes.widened(before, now)) == []
    grown = {
        name: msgspec.structs.replace(each, allocation=each.allocation * 2) for name, each in before.strategies.items()
    }
    more = msgspec.structs.replace(before, strategies=grown | {"other": grown["trend"]})
    widened = list(desk_changes.widened(before, more))
    assert "strategies.other is new" in widened
    assert len(widened) == len(grown) + 1


def test_whatever_is_not_plainly_less_is_named_as_wider() -> None:
    anna = Person(role="read", telegram="1")
    before = msgspec.structs.replace(desk_changes.entries_of(DESK_FILE.read_text(), "d"), chat={"anna": anna})
    trend, main = before.strategies["trend"], before.accounts["main"]
    after = msgspec.structs.replace(
        before,
        chat={"anna": msgspec.structs.replace(anna, role="resume"), "bert": anna},
        accounts=before.accounts | {"main": msgspec.structs.replace(main, kind="margin", cash=main.cash * 2)},
        strategies=before.strategies | {"trend": msgspec.structs.replace(trend, account="other", params={"fast": 2})},
    )
    named = {line.partition(" ")[0] for line in desk_changes.widened(before, after)}
    assert named >= {
        "chat.anna.role", "chat.bert", "accounts.main.cash", "strategies.trend.account", "strategies.trend.params"
    }  # fmt: skip


def test_a_text_cannot_hide_what_a_ticket_does(world: AssistantWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "less\x1b[2J\x1b[8m\r\n  WIDER     nothing\u2028\u202e"
    changes = [{"key": GROSS, "value": 0.9}]
    world.data_of("propose", kind="desk", why=why, changes=changes, dry_run=False)
    (ticket,) = TicketBox(world.own).all()
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("sys.stdin", screen)
    with pytest.raises(BadInput, match="that is not its id"):
        approve._confirm(ticket)
    said = screen.getvalue()
    assert not set(said) & set("\x1b\r\u2028\u202e")
    wider = [line for line in said.splitlines() if line.startswith("  WIDER")]
    assert wider == ["  WIDER     limits.main.gross_max from 0.85 to 0.9"]


def test_a_ticket_says_that_it_re_arms(world: AssistantWorld) -> None:
    data = world.data_of("propose", kind="resume", why="back", account="main", rearm=True, dry_run=False)
    text = "\n".join(tickets.lines(TicketBox(world.own).find(data["ticket"]["id"])))
    assert "WIDER     its day and its peak begin anew" in text


def test_a_resume_goes_to_the_desk_when_a_person_approves_it(world: AssistantWorld) -> None:
    world.desk.set_state("main", TradingState.HALTED)
    data = world.data_of("propose", kind="resume", why="the venue is back", account="main", dry_run=False)
    assert world.desk.states()["main"] is TradingState.HALTED
    ticket = msgspec.structs.replace(TicketBox(world.own).find(data["ticket"]["id"]))
    _, confirmation = approve._resumed(ticket, Options(world.state, json=False, command="approve"), None)
    assert confirmation == ""
    assert world.desk.states()["main"] is TradingState.ACTIVE
    assert world.desk.commands[-1]["reason"].endswith(f"(ticket {ticket.id[:8]})")


def test_a_ticket_that_a_second_person_has_to_approve_waits_for_them(world: AssistantWorld) -> None:
    box = TicketBox(world.own)
    ticket = box.find(proposed(world))
    assert box.state(ticket, world.now) == "open"
    box.approve(ticket, TicketApproval(by="anna", at=world.now, confirmation="c" * 32))
    assert box.state(ticket, world.now) == "waits for a second person"
    box.approve(ticket, TicketApproval(by="bert", at=world.now))
    assert box.state(ticket, world.now) == "approved"


def test_tickets_are_listed_and_shown_whole(world: AssistantWorld) -> None:
    options = Options(world.state, json=False, command="tickets")
    assert "lets an assistant make some" in str(tickets.command(options=options).blocks[0])
    ticket = proposed(world)
    assert tickets.command(options=options).document["tickets"][0]["id"] == ticket
    (text,) = tickets.command(ticket[:8], options=options).blocks
    assert "WIDER     limits.main.gross_max from 0.85 to 0.9" in str(text)
    (world.own / "tickets" / "x.json").write_text("{")
    with pytest.raises(BadInput, match="is no ticket of fanfold"):
        tickets.command(options=options)


def _at_a_terminal(words: list[str], typed: str) -> tuple[int, str]:
    """Run a command whose input and error are a terminal, and type a line."""
    leader, follower = pty.openpty()
    environ = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(
        [*COMMAND, *words], env=environ, stdin=follower, stdout=subprocess.PIPE, stderr=follower
    ) as run:
        os.close(follower)
        os.write(leader, typed.encode() + b"\n")
        assert run.stdout is not None
        said = run.stdout.read().decode()
    os.close(leader)
    return run.returncode, said


def test_a_person_approves_by_typing_the_id_and_nothing_else_does(world: AssistantWorld) -> None:
    box = TicketBox(world.own)
    made = box.find(proposed(world))
    long = box.sign(msgspec.structs.replace(made, expires_at=made.expires_at + timedelta(days=36_500)))
    box.keep(long)
    before, words = world.desk_file.read_text(), ["approve", long.id, "--state", str(world.state)]
    piped = subprocess.run([*COMMAND, *words], input=long.id[:8], capture_output=True, text=True, check=False,
                           env=os.environ | {"PYTHONPATH": str(ROOT / "shared")})  # fmt: skip
    assert (piped.returncode, world.desk_file.read_text()) == (2, before)
    assert "run this at a terminal" in piped.stderr
    assert _at_a_terminal(words, "y")[0] == 2
    assert world.desk_file.read_text() == before
    assert _at_a_terminal(words, long.id[:8]) == (
        0,
        f"{world.desk_file} is changed; the next run or deploy trades by it\n",
    )
    assert "gross_max = 0.9" in world.desk_file.read_text()


def test_a_signature_covers_every_field_of_a_ticket(world: AssistantWorld) -> None:
    box = TicketBox(world.own)
    ticket = box.find(proposed(world))
    others: dict[str, Any] = {"kind": "resume", "rearm": True, "changes": [], "difference": [], "widened": []}
    for name in Ticket.__struct_fields__:
        if name in {"id", "signature"}:
            continue
        value = others.get(name, getattr(ticket, name))
        if name in {"made_at", "expires_at"}:
            value += timedelta(days=1)
        elif isinstance(value, str) and name != "kind":
            value += "x"
        assert not box.is_genuine(msgspec.structs.replace(ticket, **{name: value})), name


def test_servers_that_begin_at_once_sign_with_one_key(world: AssistantWorld, tmp_path: Path) -> None:
    ticket = TicketBox(world.own).find(proposed(world))
    with ThreadPoolExecutor(8) as servers:
        for attempt in range(100):
            folder = tmp_path / str(attempt)
            folder.mkdir()
            signed = list(servers.map(lambda _, folder=folder: TicketBox(folder).sign(ticket), range(8)))
            assert len({each.signature for each in signed}) == 1
            assert [path.name for path in folder.iterdir()] == ["ticket.key"]
            assert (folder / "ticket.key").stat().st_mode & 0o777 == 0o600
