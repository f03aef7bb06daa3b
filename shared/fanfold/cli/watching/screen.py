"""The application of `fanfold watch`: it polls a desk beside the screen, so that neither waits for the other."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Protocol

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Input, Label, Static
from textual.worker import Worker, WorkerState

from fanfold.cli.faults import EXPECTED
from fanfold.cli.watching import screen_text
from fanfold.cli.watching.desk_snapshot import DeskSnapshot

# Values of equity that are kept, one a bar: more than a day of minutes.
EQUITIES_MAX = 2_000
# From this width on there are two columns.
WIDE = 110
SECTIONS = ("accounts", "limits", "positions", "orders", "log")
# The trading states that a halt may set, in the order of the dialog, with what they mean.
STATES = {
    "REDUCE_ONLY": "only towards zero",
    "HALTED": "nothing trades",
    "FLATTENING": "everything is closed",
}


class Reader(Protocol):
    """Reads a desk; see fanfold.cli.watching.desk_snapshot."""

    def read(self) -> DeskSnapshot: ...

    def forget(self) -> None: ...


class HaltDialog(ModalScreen[tuple[str, str] | None]):
    """Asks which trading state to set and why; a reason is needed, and escape changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Leave")]

    def __init__(self, states: str) -> None:
        super().__init__()
        self._states = states

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Label("Halt all accounts. It holds until `fanfold resume`.", markup=False)
            yield Label(f"now {self._states}", markup=False)
            yield Input(placeholder="why; it goes into the audit chain", id="reason")
            with Horizontal(id="states"):
                for state, meaning in STATES.items():
                    yield Button(f"{state}: {meaning}", id=state, variant="error", compact=True)
            yield Button("leave it", id="leave", compact=True)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_input_submitted(self) -> None:
        self.query_one("#REDUCE_ONLY", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the state of a button, once there is a reason."""
        if event.button.id == "leave":
            self.dismiss(None)
            return
        reason = self.query_one("#reason", Input)
        if not reason.value.strip():
            reason.placeholder = "say why first"
            reason.focus()
            return
        self.dismiss((str(event.button.id), reason.value.strip()))


class WatchApp(App[None]):
    """The screen. ``halt`` sets a trading state with a reason and returns what became of it; None takes none.

    It replaces no state but those that the screen showed when it was asked for.
    """

    TITLE = "fanfold watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #heading { height: 1; text-style: bold; }
    #alarm { height: auto; max-height: 6; color: $text-error; text-style: bold; }
    #body { height: 1fr; }
    .section { height: auto; border-top: solid $primary; border-title-style: bold; padding: 0 1; }
    #limits, #positions, #orders, #log, #heading { text-wrap: nowrap; text-overflow: ellipsis; }
    .column { height: auto; width: 1fr; }
    #columns { height: auto; layout: vertical; }
    .wide #columns { layout: horizontal; }
    HaltDialog { align: center middle; }
    #dialog { width: 90%; max-width: 100; height: auto; border: thick $error; background: $surface; padding: 1; }
    #states { height: auto; layout: vertical; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("h", "halt", "Halt"),
        ("r", "refresh_now", "Read now"),
        ("q", "quit", "Quit"),
    ]

    def __init__(
        self, reader: Reader, place: str, every_s: float, halt: Callable[[str, str, Sequence[str]], str] | None = None
    ) -> None:
        super().__init__()
        self._reader = reader
        self._place = place
        self._every_s = every_s
        self._halt = halt
        self._picture: DeskSnapshot | None = None
        # By account, the time of a close and the equity then; the last is that of the newest snapshot.
        self._equities: dict[str, list[tuple[int, Decimal]]] = {}
        self._reading: Worker[DeskSnapshot] | None = None
        # What a reading, and what a halt came to; a reading that succeeds takes back what the last one said.
        self._fault = self._notice = ""

    def compose(self) -> ComposeResult:
        yield Static(f"{self._place}  reading the desk …", id="heading", markup=False)
        yield Static("", id="alarm", markup=False)
        with VerticalScroll(id="body"), Horizontal(id="columns"):
            with Vertical(classes="column"):
                for name in SECTIONS[:2]:
                    yield self._section(name)
            with Vertical(classes="column"):
                for name in SECTIONS[2:]:
                    yield self._section(name)
        yield Footer()

    def _section(self, name: str) -> Static:
        section = Static("…", id=name, classes="section", markup=False)
        section.border_title = name
        return section

    def on_mount(self) -> None:
        # The terminal is to be as it was, however this ends.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self.poll()
        self.set_interval(self._every_s, self.poll)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= WIDE, "wide")
        self.show()

    def poll(self) -> None:
        """Read the desk beside the screen; not while the last reading is under way."""
        if self._reading is None or self._reading.is_finished:
            self._reading = self.run_worker(self._reader.read, group="read", thread=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what a reading or a halt came to."""
        if event.state is WorkerState.SUCCESS:
            self._finished(event.worker)
        elif event.state is WorkerState.ERROR:
            self._failed(event.worker)

    def _finished(self, worker: Worker[Any]) -> None:
        if worker.group == "halt":
            self._notice = str(worker.result)
            self._reader.forget()
            self.poll()
        elif isinstance(worker.result, DeskSnapshot):
            self._take(worker.result)
        self.show()

    def _failed(self, worker: Worker[Any]) -> None:
        fault = worker.error
        if not isinstance(fault, (*EXPECTED, OSError)):
            # A bug ends the screen with its traceback.
            self._handle_exception(fault if isinstance(fault, Exception) else RuntimeError(str(fault)))
            return
        if worker.group == "halt":
            self._notice = f"NOT HALTED: {fault}"
        else:
            self._fault = f"not read: {fault}"
        self.show()

    def _take(self, snapshot: DeskSnapshot) -> None:
        self._picture, self._fault = snapshot, ""
        self._equities |= {name: list(points) for name, points in snapshot.history.items()}
        for account in snapshot.accounts:
            if "equity" in account:
                points = self._equities.setdefault(account["account"], [])
                at = int(account["last_bar"].timestamp()) if account["last_bar"] else 0
                # One value a bar, so that each is as wide as what came before the watch.
                if points and points[-1][0] >= at:
                    at = points.pop()[0]
                points.append((at, account["equity"]))
                del points[:-EQUITIES_MAX]

    def show(self) -> None:
        """Write the newest snapshot, as old as it may be, under what was said since."""
        snapshot = self._picture
        alarms = list(filter(None, [self._notice, self._fault]))
        if snapshot is None:
            self._write("heading", f"{self._place}  {'no desk yet' if self._fault else 'reading the desk …'}")
            self._write("alarm", screen_text.text(alarms))
            return
        self._write("heading", screen_text.heading(snapshot, self._place))
        self._write("alarm", screen_text.text([*alarms, *screen_text.alarms(snapshot)]))
        width = self.query_one("#accounts", Static).content_size.width
        equities = {name: [value for _, value in points] for name, points in self._equities.items()}
        self._write("accounts", screen_text.text(screen_text.accounts(snapshot, equities, width)))
        self.query_one("#limits", Static).border_title = screen_text.limits_title(snapshot)
        self._write("limits", screen_text.text(screen_text.limits(snapshot, width)))
        self._write("positions", screen_text.text(screen_text.positions(snapshot)))
        self._write("orders", screen_text.text(screen_text.orders(snapshot)))
        self._write("log", screen_text.text(snapshot.log or ["no order yet"]))

    def _write(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Static).update(text)

    def action_refresh_now(self) -> None:
        self._notice = ""
        self._reader.forget()
        self.poll()

    def action_help_quit(self) -> None:
        """End at Ctrl-C, as every command does."""
        self.exit()

    def action_halt(self) -> None:
        """Ask for a trading state and a reason, and set it beside the screen."""
        if self._halt is None:
            self._notice = "this watch reads only; `fanfold halt` stops the desk"
            self.show()
            return
        snapshot = self._picture
        changes = [account.get("trading_state_change", "") for account in snapshot.accounts] if snapshot else []
        dialog = HaltDialog(screen_text.states(snapshot) if snapshot else "not known")
        self.push_screen(dialog, partial(self._set, list(filter(None, changes))))

    def _set(self, changes: Sequence[str], wanted: tuple[str, str] | None) -> None:
        if wanted is None or self._halt is None:
            return
        self._notice = f"setting {wanted[0]} …"
        self.show()
        self.run_worker(partial(self._halt, *wanted, changes), group="halt", thread=True, exit_on_error=False)
