"""Reconcile a real account with its venue: orders, trades and balances; a second run finds nothing to do.

What the venue has and the desk did not make is told once. A balance that is not what all booked fills come to freezes
the instruments of that currency, and no others, until it agrees again or an operator accepts it. A venue that does not
answer changes nothing: no answer is never "nothing there".
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from execution_service.follow import Follower, Following
from execution_service.send import RealMonitor
from execution_service.trade_booking import Booked, FollowedLedger
from execution_service.venue_rules import RulesKeeper
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.changes import Change, Freeze, SetBaseline, Unfreeze
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_changes import currencies_of, name_at_venue
from fanfold.ledger.real_money import RealMoney
from fanfold.messages import OrderState
from fanfold.money import ZERO, exact
from fanfold.trading.answers import VenueOrder
from fanfold.trading.venue import TradingVenue

# How old the rules of instruments may be, as the venue stated them.
RULES_S_MAX = 3_600
# Of how many instruments trades are read in one reconciliation, besides those of live orders.
READ_MAX = 20


class Reconciler:
    """The verb of execution for a real account as a whole."""

    def __init__(
        self,
        desk: Desk,
        ledger: FollowedLedger,
        venue: TradingVenue,
        follower: Follower,
        clock: Callable[[], datetime],
        monitor: RealMonitor,
        rules: RulesKeeper,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._follower = follower
        self._clock = clock
        self._monitor = monitor
        self._rules = rules

    def reconcile(self, account: str) -> list[str]:
        """Bring the books to what the venue says; return what was found, nothing where both agreed before.

        Orders come first, and the rules of instruments last: what fails of these keeps nothing of those waiting.
        """
        known = self._ledger.real_money(account)
        try:
            findings, known = self._compared(account, known)
        finally:
            changed = self._rules.review(self._clock() - timedelta(seconds=RULES_S_MAX), known)
        return findings + changed

    def _compared(self, account: str, known: RealMoney) -> tuple[list[str], RealMoney]:
        """Return what was found, and the figures that were known with the flows of what was booked since."""
        before = self._follow(account, known)
        findings = [f"{before.booked.reports} bookings of trades"] if before.booked.reports else []
        findings += self._strangers(account, before.opened)
        booked = self._ledger.real_money(account) if before.booked.reports else known
        flows = booked.flows
        findings += self._fees_paid(account, booked)
        balances = self._venue.balances()
        real = self._ledger.real_money(account)
        known = msgspec.structs.replace(known, flows=real.flows)
        records, after = self._booked_after(account, real)
        findings += [f"{after.reports} bookings of trades"] if after.reports else []
        unknown = [record for record in records.values() if record.state is OrderState.SUBMITTING]
        # Balances say something only where nothing moved while they were read, nor was booked by another process.
        if after.reports or after.waiting or unknown or real.flows != flows:
            return findings, known
        unanswered = {*before.booked.unanswered, *after.unanswered}
        doubtful = {currency for name in unanswered for currency in currencies_of(self._desk, name)}
        changes = self._differences(account, balances, real, doubtful, open_orders=bool(records))
        # An order that another process sent, filled and booked meanwhile is in none of the records.
        if changes and self._ledger.real_money(account).flows != flows:
            return findings, known
        self._alarm(account, [change for change, _ in changes])
        return findings + [text for change, text in changes if self._ledger.note([change])], known

    def accept(self, account: str) -> list[str]:
        """Take the balances as they are for right, as an operator wants; return the differences that this ends.

        Currencies that an order of unknown outcome may have moved are left out, and named. Raises BadInput where
        something traded meanwhile: it would be in the balances for ever.
        """
        before = self._ledger.real_money(account).flows
        balances = self._venue.balances()
        records, after = self._booked_after(account, self._ledger.real_money(account))
        real = self._ledger.real_money(account)
        if after.reports or real.flows != before:
            raise BadInput(f"account {account!r} traded while its balances were read; nothing is accepted: try again")
        left_out = self._left_out(records, after, real)
        accepted = sorted(self._currencies(account, real).difference(left_out))
        changes: list[Change] = [
            SetBaseline(account, currency, _less(balances.get(currency, ZERO), real.flows.get(currency, ZERO)))
            for currency in accepted
        ]
        sources = {f"balance {currency}" for currency in accepted}
        doubts = [doubt for doubt in sorted(real.frozen) if doubt[1] in sources]
        changes += [Unfreeze(account, *doubt) for doubt in doubts]
        # Each by itself, because they may be more than a commit takes; a repetition comes to the same.
        for change in changes:
            self._ledger.note([change])
        ended = [f"{instrument}: {real.frozen[instrument, source]}" for instrument, source in doubts]
        return ended + [f"{currency} is not accepted: {why}" for currency, why in sorted(left_out.items())]

    def _left_out(self, records: Mapping[str, OrderRecord], after: Booked, real: RealMoney) -> dict[str, str]:
        """Return the currencies of which no balance may be accepted, and why: also any in which a fee may be paid."""
        why = dict.fromkeys(after.unanswered, "the venue does not tell its trades")
        for record in records.values():
            if record.state is OrderState.SUBMITTING:
                why[record.order.instrument] = f"the outcome of order {record.order.order_id} is not known"
        left_out = {currency: text for name, text in why.items() for currency in currencies_of(self._desk, name)}
        traded = {currency for name in self._desk.instruments for currency in currencies_of(self._desk, name)}
        fees = real.flows.keys() - traded if why else set()
        return dict.fromkeys(fees, next(iter(why.values()), "")) | left_out

    def _fees_paid(self, account: str, real: RealMoney) -> list[str]:
        """Let what the venue took of traded coins be paid, as by now booked; return how many bookings that made."""
        if not any(owed.amount or owed.worth for owed in real.owed.values()):
            return []
        now = self._clock()
        report = self._follower.trades.report(account, ids.derive("reconcile", account, now.isoformat(), "fees"), now)
        count = self._follower.trades.pay_fees(report)
        return [f"{count} bookings of fees in coins"] if count else []

    def _follow(self, account: str, real: RealMoney) -> Following:
        now = self._clock()
        cause = ids.derive("reconcile", account, now.isoformat(), "before")
        return self._follower.follow_all(account, cause, now, real, self._to_read(real.cursors, now))

    def _to_read(self, cursors: Collection[str], now: datetime) -> Collection[str]:
        """Return which of the instruments that the account ever traded are read in this minute, others in the next.

        Those of live orders are read anyway; in any other only a stranger trades.
        """
        if self._venue.terms.history == "account" or len(cursors) <= READ_MAX:
            return cursors
        names, first = sorted(cursors), int(now.timestamp()) // 60 * READ_MAX
        return {names[(first + place) % len(names)] for place in range(READ_MAX)}

    def _booked_after(self, account: str, real: RealMoney) -> tuple[Mapping[str, OrderRecord], Booked]:
        """Book what live orders traded while balances were read; return those orders, and what was booked."""
        now, booker = self._clock(), self._follower.trades
        records = booker.sent(account)
        cause = ids.derive("reconcile", account, now.isoformat(), "after")
        booked = booker.fetch(booker.report(account, cause, now), records, real.cursors)
        return (booker.sent(account) if booked.reports else records), booked

    def _strangers(self, account: str, opened: Sequence[VenueOrder] | None) -> list[str]:
        """Tell of open orders that are none of ours; return which are told for the first time."""
        opened = self._venue.open_orders() if opened is None else opened
        # Read after them: one that another process sends meanwhile was claimed before.
        records = self._follower.trades.sent(account).values() if opened else ()
        ours = {record.order.client_order_id for record in records}
        known = {name_at_venue(record.order.instrument, record.venue_order_id) for record in records}
        listed = {
            name_at_venue(order.instrument, order.venue_order_id): order
            for order in opened
            if order.client_order_id not in ours
        }
        unknown = sorted(listed.keys() - known)
        placed = self._ledger.placed(account, unknown) if unknown else {}
        details = {
            f"order {name}": f"{listed[name].side} {listed[name].quantity} {listed[name].instrument}"
            for name in unknown
            if name not in placed
        }
        return [f"{name} is none of ours" for name in self._follower.trades.tell_external(account, details)]

    def _currencies(self, account: str, real: RealMoney) -> set[str]:
        symbols = self._desk.venues[self._desk.accounts[account].venue].symbols
        pairs = {currency for symbol in symbols for currency in currencies_of(self._desk, symbol)}
        return pairs | real.flows.keys()

    def _differences(
        self,
        account: str,
        balances: Mapping[str, Decimal],
        real: RealMoney,
        doubtful: Collection[str],
        *,
        open_orders: bool,
    ) -> list[tuple[Change, str]]:
        """Return the changes that balances lead to, each with what it is about; ``doubtful`` currencies are left out.

        The first balances are kept when no order is open: one that trades meanwhile would be in them for ever. A
        position that no fill of the venue came to is one that the account took on paper: it is no beginning.
        """
        changes = list[tuple[Change, str]]()
        currencies = self._currencies(account, real)
        on_paper = {} if currencies <= real.baseline.keys() else self._on_paper(account, real)
        for currency in sorted(currencies.difference(doubtful)):
            held, flow = balances.get(currency, ZERO), real.flows.get(currency, ZERO)
            if currency in real.baseline:
                difference = _less(_less(held, flow), real.baseline[currency])
                reason = f"the venue has {difference:+f} {currency} beside what is booked" if difference else ""
                changes += self._doubt(account, currency, reason, real)
            elif currency in on_paper:
                changes += self._doubt(account, currency, on_paper[currency], real)
            elif not open_orders:
                text = f"{currency}: the venue has {held} to begin with"
                changes.append((SetBaseline(account, currency, _less(held, flow)), text))
        return changes

    def _on_paper(self, account: str, real: RealMoney) -> dict[str, str]:
        """Return, by currency, what is wrong with positions that were never bought at the venue."""
        bases = {name: currencies_of(self._desk, name)[0] for _, name in self._ledger.held(account)}
        return {
            currency: f"the books hold {name} from trading on paper; give the live account another name"
            for name, currency in bases.items()
            if currency not in real.flows
        }

    def _doubt(self, account: str, currency: str, reason: str, real: RealMoney) -> list[tuple[Change, str]]:
        source = f"balance {currency}"
        frozen = {instrument: text for (instrument, of), text in real.frozen.items() if of == source}
        if not reason:
            return [
                (Unfreeze(account, instrument, source), f"{currency} agrees again") for instrument in sorted(frozen)
            ]
        wrong = [name for name in self._instruments(account, currency, frozen) if frozen.get(name) != reason]
        return [(Freeze(account, instrument, source, reason), reason) for instrument in wrong]

    def _alarm(self, account: str, changes: Sequence[Change]) -> None:
        """Alarm once of each balance that freezes instruments, however many they are."""
        for why in sorted({change.reason for change in changes if isinstance(change, Freeze)}):
            self._monitor.alarm("a balance differs from the books", account=account, why=why)

    def _instruments(self, account: str, currency: str, frozen: Collection[str]) -> list[str]:
        symbols = self._desk.venues[self._desk.accounts[account].venue].symbols
        of_currency = {symbol for symbol in symbols if currency in currencies_of(self._desk, symbol)}
        return sorted(of_currency | set(frozen))


@exact
def _less(left: Decimal, right: Decimal) -> Decimal:
    return left - right
