"""Tools that do something: less trading, a run on paper, and tickets for a person to approve. Nothing adds risk."""

from datetime import timedelta
from typing import Any

import msgspec

from fanfold import ids
from fanfold.aws.dynamodb import ledger
from fanfold.cli.assistants import desk_changes, inputs, research_tools, written_strategies
from fanfold.cli.assistants.answers import HaltedAccount
from fanfold.cli.assistants.tickets import SHORT_ID, Ticket
from fanfold.cli.assistants.workplace import RUNS, Workplace
from fanfold.cli.commands import halt as halting
from fanfold.errors import BadInput
from fanfold.local.session import Session
from fanfold.messages import TradingState

RUN_S = 600.0
# The states that a halt may lead from; risk refuses it too, where a person sets another one in that moment.
LESS = {
    TradingState.REDUCE_ONLY: (TradingState.ACTIVE,),
    TradingState.HALTED: (TradingState.ACTIVE, TradingState.REDUCE_ONLY),
}


def of_halt(place: Workplace, wanted: inputs.HaltInput) -> tuple[Any, bool]:
    """Return the trading states after a halt, which never leaves an account with a looser one than it had."""
    to = TradingState(wanted.state)
    with place.reach("") as session:
        rows = [_judged(session, name, to) for name in session.accounts(wanted.account or None)]
        moved = [row.account for row in rows if not row.left]
        if moved and not wanted.dry_run:
            halting.set_state(session, to, _halt_reason(place, wanted), moved)
    return {"done": bool(moved) and not wanted.dry_run, "accounts": rows}, True


def _halt_reason(place: Workplace, wanted: inputs.HaltInput) -> str:
    """Return a reason that ties the desk's audit chain to the log of calls, so that neither can be rewritten alone."""
    head = place.journal.head
    return f"an assistant of {place.user}: {wanted.reason.strip()} (call {head.seq}, {head.hash[:12]})"


def _judged(session: Session, account: str, to: TradingState) -> HaltedAccount:
    state = ledger.trading_state(session.ledger, account).trading_state
    before = str(state or "not opened")
    if state in LESS[to]:
        return HaltedAccount(account=account, before=before, now=to)
    left = "it was never opened" if state is None else f"from {state}, {to} would not be less"
    return HaltedAccount(account=account, before=before, now=before, left=left)


def of_paper_run(place: Workplace, wanted: inputs.PaperRunInput) -> tuple[Any, bool]:
    """Return the report of a strategy that traded on paper, in a state directory of its own."""
    check, sound = research_tools.of_check(place, wanted)
    if not sound:
        raise BadInput(f"the strategy must not trade: {'; '.join(check['wrong'][:3])}")
    run = ids.derive("paper-run", wanted.strategy, place.now().isoformat())[:SHORT_ID]
    if wanted.dry_run:
        return {"run": "", "done": False, "check": check, "report": {}}, True
    state = place.own / RUNS / run
    strategy, *rest = research_tools.words_of(place, wanted)
    words = ["run", "--strategy", strategy, *rest, "--minutes", str(wanted.minutes), "--state", str(state)]
    finished = place.workroom.trade(words, place.budget.seconds_for(RUN_S))
    return {"run": run, "done": True, "check": check, "report": finished.document}, finished.good


def of_propose(place: Workplace, wanted: inputs.ProposalInput) -> tuple[Any, bool]:
    """Return a signed ticket, which changes nothing before a person approves it."""
    made = place.now()
    blank = Ticket(
        id="",
        kind=wanted.kind,
        why=wanted.why.strip(),
        stage=place.stage,
        made_at=made,
        expires_at=made + timedelta(hours=wanted.hours),
        by=f"an assistant of {place.user}",
    )
    ticket = place.tickets.sign(
        _resume(place, wanted, blank) if wanted.kind == "resume" else _change(place, wanted, blank)
    )
    if not wanted.dry_run:
        place.tickets.keep(ticket)
    command = f"fanfold approve {ticket.id[:SHORT_ID]} --state {place.state}"
    return {"done": not wanted.dry_run, "ticket": ticket, "approve": command}, True


def _resume(place: Workplace, wanted: inputs.ProposalInput, blank: Ticket) -> Ticket:
    if wanted.changes or not wanted.account:
        raise BadInput("a ticket to resume names one account, and no changes")
    with place.reach("") as session:
        (account,) = session.accounts(wanted.account)
    return msgspec.structs.replace(blank, account=account, rearm=wanted.rearm)


def _change(place: Workplace, wanted: inputs.ProposalInput, blank: Ticket) -> Ticket:
    if wanted.account or wanted.rearm:
        raise BadInput("a ticket of the desk file has changes, and neither account nor rearm")
    path = place.desk_file.resolve()
    before, sha256 = desk_changes.text_of(path)
    after = desk_changes.changed(before, wanted.changes, path.name)
    if after == before:
        raise BadInput("the desk file says that already; there is nothing to propose")
    _check_whole(place, after)
    entries = desk_changes.entries_of
    return msgspec.structs.replace(
        blank,
        desk_file=str(path),
        desk_sha256=sha256,
        result_sha256=desk_changes.digest(after),
        changes=wanted.changes,
        difference=desk_changes.difference(before, after, path.name),
        widened=list(desk_changes.widened(entries(before, path.name), entries(after, path.name))),
    )


def _check_whole(place: Workplace, text: str) -> None:
    """Raise BadInput for a desk that could not trade; its strategies are loaded in a process with limits."""
    proposed = place.own / written_strategies.FOLDER / "proposed.toml"
    proposed.parent.mkdir(parents=True, exist_ok=True)
    proposed.write_text(text, "utf-8")
    words = ["desk", "check", str(proposed), *research_tools.folder_of(place)]
    place.workroom.run(words, place.budget.seconds_for(research_tools.CHECK_S))


def of_tickets(place: Workplace, _wanted: inputs.NoInput) -> tuple[Any, bool]:
    """Return the tickets."""
    rows = [
        msgspec.to_builtins(ticket) | {"state": state, "approval": place.tickets.approval(ticket)}
        for ticket, state in place.tickets.states(place.now())
    ]
    return {"tickets": rows}, True
