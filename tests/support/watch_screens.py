"""Pictures of a desk for the live screen, the screen as text, and the screens that were recorded.

``python tests/support/watch_screens.py`` records them anew; look at what changed before you commit it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Footer

from fanfold.cli.watching.desk_snapshot import DeskSnapshot
from fanfold.cli.watching.screen import WatchApp
from fanfold.errors import NothingThere

RECORDED = Path(__file__).resolve().parents[1] / "unit" / "watch_screens"
NOW = datetime(2026, 3, 1, 12, 0, 35, tzinfo=UTC)
Act = Callable[[Pilot[Any]], Coroutine[Any, Any, None]]


def account(**changes: Any) -> dict[str, Any]:
    """An account as `status` has it."""
    fields = {
        "account": "main",
        "venue": "v",
        "currency": "USDT",
        "trading_state": "ACTIVE",
        "trading_state_reason": "",
        "trading_state_actor": "",
        "start": Decimal(100_000),
        "cash": Decimal("56741.9"),
        "equity": Decimal("99870.8"),
        "fees": Decimal("67.5"),
        "frozen": {},
        "books_balance": True,
        "last_bar": NOW.replace(second=0),
    }
    return fields | changes


def limit(name: str, used: str | None, most: str, subject: str = "") -> dict[str, Any]:
    """A limit in use."""
    left, part = None, None
    if used is not None:
        left, part = max(Decimal(most) - Decimal(used), Decimal(0)), Decimal(used) / Decimal(most)
    whole = {"limit": name, "unit": "currency", "most": Decimal(most), "subject": subject, "why": ""}
    return whole | {"used": None if used is None else Decimal(used), "left": left, "share": part}


def order(name: str, state: str, **changes: Any) -> dict[str, Any]:
    """An order as queries have it."""
    fields = {
        "order_id": f"{name}0123456789", "account": "main", "instance": "trend", "instrument": "BTC/USDT",
        "side": "buy", "quantity": Decimal("0.5"), "state": state,
        "decided_at": NOW, "reason": "", "detail": "", "code": "",
    }  # fmt: skip
    return fields | changes


def snapshot(**changes: Any) -> DeskSnapshot:
    """A desk that trades."""
    position = {"account": "main", "instance": "trend", "instrument": "BTC/USDT", "quantity": Decimal("0.5"),
                "value": Decimal("34948.21"), "unrealised": Decimal("-59.62")}  # fmt: skip
    limits = [
        limit("order_notional_max", None, "45000"),
        limit("position_notional_max", "34948.21", "70000", "BTC/USDT"),
        limit("gross_max", "61697.5", "84890.18"),
        limit("drawdown_max", "129.2", "20000"),
    ]
    whole = DeskSnapshot(
        running=True,
        at=NOW,
        accounts=[account()],
        limits=[{"account": "main", "trading_state": "ACTIVE", "breach": "", "limits": limits, "read": "desk file"}],
        positions=[position],
        orders=[order("open", "OPEN")],
        unknown=0,
        dead_letters=0,
        log=["03-01 12:00  1618d07e  GROSS_EXPOSURE  buy 237 SOL/USDT for rotation: gross exposure is over 84890.18"],
        age_s=35,
        stale=False,
    )
    return msgspec.structs.replace(whole, **changes)


class Scripted:
    """A reader that gives what is next in its script, and its last again and again; a fault is raised."""

    def __init__(self, *script: DeskSnapshot | Exception) -> None:
        self.script = list(script)
        self.reads = self.forgotten = 0

    def read(self) -> DeskSnapshot:
        self.reads += 1
        following = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(following, Exception):
            raise following
        return following

    def forget(self) -> None:
        self.forgotten += 1


def app_of(reader: Any, halt: Callable[[str, str, Sequence[str]], str] | None = None) -> WatchApp:
    """Return a screen that polls when it is told to alone."""
    return WatchApp(reader, ".fanfold", 86_400.0, halt)


def text_of(app: App[Any]) -> str:
    """Return the screen as lines of text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)


def drive(app: WatchApp, act: Act, size: tuple[int, int] = (80, 24)) -> None:
    """Run an application without a terminal while an act drives it; the first snapshot has come."""

    async def driven() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await act(pilot)

    asyncio.run(driven())


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until what was begun beside the screen is done, and drawn.

    A pause ends where the process gets no CPU, which on a busy machine is before all is drawn; and the footer
    composes its keys after the first drawing. So a screen is drawn once its keys are laid out and a pause changes
    nothing.
    """
    await pilot.app.workers.wait_for_complete()
    before, now = "", text_of(pilot.app)
    for _ in range(1_000):
        await pilot.pause()
        before, now = now, text_of(pilot.app)
        if pilot.app.return_code:
            # A fault ended it, which whoever drives it is told of.
            return
        shown = pilot.app.screen
        if before == now and (not shown.query(Footer) or any(key.size.width for key in shown.query("FooterKey"))):
            return
    raise AssertionError(f"the screen was not drawn; the last was:\n{now}")


def screen(reader: Any, size: tuple[int, int]) -> str:
    """Return the screen once a reader was read."""
    shown: list[str] = []

    async def look(pilot: Pilot[Any]) -> None:
        shown.append(text_of(pilot.app))

    drive(app_of(reader), look, size)
    return shown[0]


UNKNOWN = snapshot(
    orders=[order("lost", "SUBMITTING"), order("open", "OPEN")],
    unknown=1,
    accounts=[account(trading_state="HALTED", trading_state_reason="venue is down", books_balance=False)],
    dead_letters=2,
)
SCREENS: dict[str, tuple[Any, tuple[int, int]]] = {
    "trades-80x24": (snapshot(), (80, 24)),
    "trades-120x36": (snapshot(), (120, 36)),
    "trades-40x12": (snapshot(), (40, 12)),
    "alarms-80x24": (UNKNOWN, (80, 24)),
    "stale-80x24": (snapshot(age_s=900, stale=True), (80, 24)),
    "empty-80x24": (snapshot(positions=[], orders=[], log=[], age_s=None, running=False,
                            accounts=[{"account": "main", "trading_state": "not opened", "books_balance": True}],
                            limits=[{"account": "main", "breach": "", "limits": [], "read": "desk file"}]), (80, 24)),
    "absent-80x24": (NothingThere("there is no run in .fanfold; start one with `fanfold run`"), (80, 24)),
}  # fmt: skip


def record() -> None:
    """Record every screen anew."""
    RECORDED.mkdir(exist_ok=True)
    for name, (shown, size) in SCREENS.items():
        (RECORDED / f"{name}.txt").write_text(screen(Scripted(shown), size) + "\n", "utf-8")


if __name__ == "__main__":
    record()
