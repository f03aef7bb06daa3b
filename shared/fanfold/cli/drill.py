"""Drill a halt: HALTED is set, what may not rest is cancelled, a claim is refused, and the account trades on as before.

Whatever happens in between, Ctrl-C included, the account gets its trading state back. What a drill sets it notes in the
state directory, so that the next one mends what a killed one left.
"""

import fcntl
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import ABSENT
from fanfold.cli.control import send
from fanfold.errors import BadInput, NotReachable, Refused
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.local.session import Session
from fanfold.messages import TradingState

JOURNAL = "drill.json"
# How long cancels may take, and the pause between two looks.
WAIT_S, LOOK_S = 30.0, 0.05
TRIES, PAUSE_S = 5, 1.0
REASON = "drill: the account trades on by itself"
DRILLED = (TradingState.ACTIVE, TradingState.REDUCE_ONLY)
HALTED = OrderPermissions(TradingState.HALTED)


class DrillStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step, and how many seconds after the drill of its account began."""

    after_s: float
    text: str


class AccountDrill(msgspec.Struct, kw_only=True):
    """The drill of an account; ``failures`` say what a halt should have done and did not."""

    account: str
    before: str
    steps: list[DrillStep] = []
    failures: list[str] = []


class BeforeDrill(msgspec.Struct, frozen=True):
    """The state of an account before a drill, and the change by which it was halted: "" where that is not known."""

    before: TradingState
    change: str = ""


class Drill:
    """Drills the accounts of a desk one after the other."""

    def __init__(
        self, session: Session, actor: str, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._session = session
        self._actor = actor
        self._clock = clock
        self._sleep = sleep
        self._began = 0.0
        self._interrupts: Sequence[int] = ()

    def run(self, accounts: Sequence[str]) -> list[AccountDrill]:
        """Return what came of each account. Raises BadInput while another drill of the directory is under way."""
        with _journal(self._session.state) as journal, _held_back() as self._interrupts:
            drills = []
            for name, noted in _read(journal).items():
                drill = AccountDrill(account=name, before="HALTED by a drill that was killed")
                drill.steps.append(DrillStep(after_s=0.0, text=self._restore(name, noted)))
                drills.append(drill)
            for name in accounts:
                if not self._interrupts:
                    drills.append(self._run(name, journal))
            journal.unlink(missing_ok=True)
        return drills

    def _run(self, name: str, journal: Path) -> AccountDrill:
        state = ledger.trading_state(self._session.ledger, name).trading_state
        drill = AccountDrill(account=name, before=str(state or "not opened"))
        self._began = self._clock()
        if state not in DRILLED:
            self._note(drill, f"not drilled: it is {drill.before}")
            return drill
        noted = BeforeDrill(state)
        _write(journal, name, noted)
        try:
            before = self._live(name)
            self._note(drill, f"{state}, {len(before)} orders are open")
            noted = BeforeDrill(state, self._set(name, TradingState.HALTED))
            _write(journal, name, noted)
            self._look(drill, before)
        finally:
            text = self._restore(name, noted)
            journal.write_bytes(b"{}")
            self._note(drill, text)
        return drill

    def _look(self, drill: AccountDrill, before: dict[str, OrderRecord]) -> None:
        """Note what becomes of the orders that were open ``before`` the halt."""
        self._note(drill, "HALTED in the ledger: from here on no order is claimed for sending")
        if self._takes_a_claim(drill.account):
            drill.failures.append("a claim was let through")
        else:
            self._note(drill, "a claim was tried, and refused")
        while True:
            live = self._live(drill.account)
            self._note_ended(drill, before.keys() - live.keys())
            before = live
            barred = [record for record in live.values() if HALTED.bars_resting(record.order)]
            if not barred or self._interrupts or self._clock() - self._began > WAIT_S:
                break
            self._sleep(LOOK_S)
        if barred:
            drill.failures.append(f"{len(barred)} orders are still open: {', '.join(sorted(live))}")
            return
        exits = f"; exits that stay: {len(live)}" if live else ""
        self._note(drill, f"nothing that adds to a position is open{exits}")

    def _note_ended(self, drill: AccountDrill, names: Collection[str]) -> None:
        for record in ledger.records(self._session.ledger, sorted(names)).values() if names else ():
            order = record.order
            self._note(
                drill, f"{record.state}: {order.side} {order.quantity} {order.instrument}, order {order.order_id}"
            )

    def _live(self, account: str) -> dict[str, OrderRecord]:
        names = [order.order_id for order in ledger.live(self._session.ledger, account)]
        return ledger.records(self._session.ledger, names) if names else {}

    def _takes_a_claim(self, account: str) -> bool:
        """Return whether the condition of a claim holds; nothing is claimed by it."""
        table, active = self._session.ledger, {":active": TradingState.ACTIVE}
        trades = table.checking(ledger.account_key(account), "trading_state = :active", active)
        # Like a claim it is a transaction, which a condition alone is not.
        try:
            table.write([trades, table.checking(ledger.order_key(JOURNAL), ABSENT, {})])
        except Refused as refused:
            if refused.failed:
                return False
            raise
        return True

    def _restore(self, account: str, noted: BeforeDrill) -> str:
        """Give an account its trading state back, unless somebody has set one since, and return what became of it."""
        current = ledger.trading_state(self._session.ledger, account)
        if current.trading_state is TradingState.HALTED and noted.change in ("", current.change):
            try:
                self._set(account, noted.before, current.change)
            except BadInput:
                current = ledger.trading_state(self._session.ledger, account)
            else:
                return f"{noted.before} again, as before"
        return f"{current.trading_state}, set by {current.actor} meanwhile, and left so"

    def _set(self, account: str, state: TradingState, replaces: str = "") -> str:
        """Set a trading state, insist, and return the change. Raises NotReachable where the desk does not take it."""
        command = {"action": "halt", "state": state, "reason": REASON, "actor": self._actor, "replaces": [replaces]}
        if state is TradingState.ACTIVE:
            command["action"] = "resume"
        tried = 0
        while True:
            try:
                (answer,) = send(self._session, command, [account])
                return str(answer["change"])
            except (AwsFault, NotReachable) as fault:
                tried += 1
                if tried == TRIES:
                    raise NotReachable(
                        f"account {account} could not be set to {state} ({fault}); see `fanfold status`, and run the "
                        'drill once more, or `fanfold resume --reason "end of the drill"`'
                    ) from fault
                self._sleep(PAUSE_S)

    def _note(self, drill: AccountDrill, text: str) -> None:
        drill.steps.append(DrillStep(after_s=round(self._clock() - self._began, 3), text=text))


@contextmanager
def _journal(state: Path) -> Iterator[Path]:
    """Hold the drill of a directory, and yield the file in which it notes what it sets."""
    with (state / f"{JOURNAL}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"another drill of {state} is under way; wait until it has ended") from None
        yield state / JOURNAL


def _read(journal: Path) -> dict[str, BeforeDrill]:
    """Return what a drill that was killed noted, by account."""
    try:
        return msgspec.json.decode(journal.read_bytes(), type=dict[str, BeforeDrill])
    except FileNotFoundError:
        return {}


def _write(journal: Path, account: str, noted: BeforeDrill) -> None:
    journal.write_bytes(msgspec.json.encode({account: noted}))


@contextmanager
def _held_back() -> Iterator[Sequence[int]]:
    """Hold Ctrl-C and SIGTERM back, and yield those that came; after the block they end the program."""
    if threading.current_thread() is not threading.main_thread():
        yield ()
        return
    came: list[int] = []
    before = {each: signal.signal(each, lambda number, _frame: came.append(number)) for each in _SIGNALS}
    try:
        yield came
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if came:
        raise KeyboardInterrupt


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def lines(drill: AccountDrill) -> list[str]:
    """Return a drill as people read it."""
    steps = [f"  {f'+{step.after_s:.2f} s':>9}  {step.text}" for step in drill.steps]
    return [f"account {drill.account}", *steps, *(f"  FAILED     {failure}" for failure in drill.failures)]
