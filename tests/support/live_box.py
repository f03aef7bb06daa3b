"""A desk in memory whose live account trades at the simulated exchange.

Signal, risk and execution are the production handlers; ccxt and the socket are real. All clocks are one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.desk import Desk
from fanfold.exchange.server import ManualClock, ServedExchange
from fanfold.ledger.account_books import AccountBooks
from fanfold.market import bars
from fanfold.market.bars import Series
from fanfold.messages import BarsClosed, BarsRequested, Message, TradingState, TradingStateChanged
from fanfold.simulation import market
from fanfold.simulation.parity_run import POLL
from fanfold.simulation.schedules.memory_desk import MemoryDesk
from fanfold.simulation.schedules.process import ServiceProcess
from support.box_admin import ask_box


def rules_of(legs: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the seeded market's rules of instruments, as a desk file has them."""
    fields = ("base", "quote", "tick", "lot", "notional_min", "as_of")
    known = market.catalogue()
    return {
        leg: {field: str(getattr(known[leg], field)) for field in fields} | {"source": "the seeded market"}
        for leg in legs
    }


class LiveBox(MemoryDesk):
    """The desk, minute by minute; ``histories`` are the exchange's bars, and ``steps`` the parts of a minute."""

    def __init__(
        self,
        desk: Desk,
        box: ServedExchange,
        clock: ManualClock,
        histories: Sequence[Series],
        steps: Sequence[int] = (60,),
    ) -> None:
        super().__init__(desk, self._answers, clock.now_ms / 1_000)
        self._box, self._clock_ms, self._histories, self._steps = box, clock, histories, steps
        self._places |= {"live_venue": "v", "venue_secret": "/fanfold/live/venue", "venue_origin": box.origin}
        self._processes["execution"] = ServiceProcess(
            "execution", self._call, self.clock, self.desk, self._places, silent=True
        )
        self.table = self._cloud.table("ledger")
        self.set_trading_state(self.state(TradingState.ACTIVE))

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service == "ssm":
            keys = {"apiKey": self._box.key, "secret": self._box.secret}
            return {"Parameter": {"Value": json.dumps(keys), "Version": 1}}
        return self._cloud.call(service, operation, parameters)

    def _answers(self, request: BarsRequested) -> list[Message]:
        """Return the bars that a reader asks for, in place of market-data."""
        wanted = [each for each in self._histories if each.instrument in request.instruments]
        frames = bars.pack(_between(each, request.since_s, request.until_s) for each in wanted)
        name = f"requested/{request.id}"
        return [BarsClosed(id=name, cause=name, at=self.clock(), venue="v", frames=frames, requested=True)]

    def state(self, state: TradingState) -> TradingStateChanged:
        name = f"{state}-{self.now}"
        return TradingStateChanged(
            id=name, cause=name, at=self.clock(), account="main", state=state, reason="t", actor="a"
        )

    def minute(self, *, since: int | None = None) -> None:
        """Let a minute pass, and its bars come, or those ``since`` an epoch second; then the schedules run."""
        for seconds in self._steps:
            self.now += seconds
            self._clock_ms.now_ms = int(self.now * 1_000)
            self.ask("journal")  # Whoever asks lets the exchange's time pass.
        now = int(self.now)
        frames = bars.pack(_between(each, now - 60 if since is None else since, now) for each in self._histories)
        at = datetime.fromtimestamp(self.now, UTC)
        self.publish([BarsClosed(id=f"bars-{self.now}", cause=f"{POLL}{self.now}", at=at, venue="v", frames=frames)])
        self.sweep()

    def ask(self, subject: str, document: Any = None) -> Any:
        """See ask_box."""
        return ask_box(self._box.origin, subject, document)

    def price(self, leg: str) -> Decimal:
        """Return the close of the last bar."""
        (history,) = [each for each in self._histories if each.instrument == leg]
        return next(history.price(bar.close) for bar in reversed(history.bars) if bar.closes_at_s <= self.now)

    def books(self) -> AccountBooks:
        return ledger.read(self.table, "main")


def _between(history: Series, since: int, until: int) -> Series:
    """Return the bars of a series that close after an epoch second, up to another."""
    own = [bar for bar in history.bars if since < bar.closes_at_s <= until]
    return msgspec.structs.replace(history, bars=own, after=since)
