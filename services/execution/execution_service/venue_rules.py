"""Keep up with a real venue that changes an instrument's tick, lot or limits, or lists it no more.

From then on risk sizes and prices by the venue's rules, where the desk file's do not meet them; they are kept in the
ledger until the venue takes the desk file's again. What is not listed is frozen: it is entered no more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from execution_service.send import RealMonitor
from fanfold.desk import Desk, Instrument
from fanfold.errors import VenueUnavailable
from fanfold.ledger.changes import Change, DropRules, Freeze, KeepRules, Unfreeze
from fanfold.ledger.real_changes import currencies_of
from fanfold.ledger.real_money import RealMoney
from fanfold.money import ZERO
from fanfold.risk.exposure import PositionKey
from fanfold.risk.venue_rules import RulesInForce, in_force
from fanfold.trading.venue import TradingVenue

LISTING = "listing"


class RulesLedger(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def real_money(self, account: str) -> RealMoney: ...

    def held(self, account: str) -> Mapping[PositionKey, Decimal]: ...

    def note(self, changes: Sequence[Change]) -> bool: ...


class RulesKeeper:
    """The verb of execution for the rules of a real account's instruments."""

    def __init__(
        self,
        account: str,
        desk: Desk,
        ledger: RulesLedger,
        venue: TradingVenue,
        clock: Callable[[], datetime],
        monitor: RealMonitor,
    ) -> None:
        self._account = account
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._monitor = monitor
        # By instrument what the ledger has beside the desk file, and when this process first saw that.
        self._noted: dict[str, tuple[RulesInForce | None, bool, datetime]] = {}

    def review(self, since: datetime, real: RealMoney) -> list[str]:
        """Compare the rules of all that is traded or held with what the venue stated since then; return the changes.

        One whose rules the venue does not state keeps no other waiting.
        """
        names = {*self._desk.venues[self._desk.accounts[self._account].venue].symbols, *real.rules}
        # What was bought and is gone from the desk file may still be held, and is sold by the venue's rules alone.
        bought = {currency for currency, amount in real.flows.items() if amount > ZERO}
        if bought - {currency for name in names for currency in currencies_of(self._desk, name)}:
            names |= {instrument for _, instrument in self._ledger.held(self._account)}
        return [text for name in sorted(names) for text in self._compared(name, since, real)]

    def learn(self, instrument: str, since: datetime) -> str:
        """Compare an instrument of which an order was refused; return what has changed, "" where nothing is known."""
        return "; ".join(self._compared(instrument, since, self._ledger.real_money(self._account)))

    def _compared(self, instrument: str, since: datetime, real: RealMoney) -> list[str]:
        try:
            stated = self._venue.rules(instrument, max(since, self._noted_at(instrument, since, real)))
        except VenueUnavailable as unavailable:
            self._monitor.note("the venue's rules are not known", instrument=instrument, why=str(unavailable))
            return []
        findings = []
        for change, text in self._changes(instrument, stated, real):
            if self._ledger.note([change]):
                self._monitor.note("a venue's rules changed", instrument=instrument, why=text)
                findings.append(text)
        return findings

    def _noted_at(self, instrument: str, since: datetime, real: RealMoney) -> datetime:
        """Return when this process first saw what the ledger has: another may know the venue as it was later."""
        kept, frozen = real.rules.get(instrument), (instrument, LISTING) in real.frozen
        before = self._noted.get(instrument, (None, False, since))
        if before[:2] != (kept, frozen):
            before = self._noted[instrument] = kept, frozen, self._clock()
        return before[2]

    def _changes(self, instrument: str, stated: Instrument | None, real: RealMoney) -> Iterator[tuple[Change, str]]:
        venue = self._desk.accounts[self._account].venue
        frozen = (instrument, LISTING) in real.frozen
        if stated is None:
            text = f"{venue} does not list {instrument} any more"
            if not frozen:
                yield Freeze(self._account, instrument, LISTING, text), text
            return
        if frozen:
            yield Unfreeze(self._account, instrument, LISTING), f"{venue} lists {instrument} again"
        kept = real.rules.get(instrument)
        counts = in_force(venue, instrument, self._desk.instruments.get(instrument), stated)
        if counts is None and kept is not None:
            yield DropRules(self._account, instrument), f"{venue} takes the desk file's rules of {instrument} again"
        elif counts is not None and (kept is None or _undated(counts.rules) != _undated(kept.rules)):
            yield KeepRules(self._account, instrument, counts), counts.reason


def _undated(rules: Instrument) -> Instrument:
    return msgspec.structs.replace(rules, as_of="", source="")
