"""Real orders at an exchange through ccxt: see fanfold.trading.venue.

One ``place`` is one request on the wire. Its outcome is judged by what the exchange wrote, never by the class of an
exception: a code that is on the list of definitive ones rejects, an answer with an id places, all else is unknown.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fanfold.desk import Instrument
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.matching.prices import Quote
from fanfold.messages import Order
from fanfold.money import EXACT, ZERO, ratio
from fanfold.trading.answers import Outcome, Placed, Rejected, Unknown, VenueOrder, VenueTrade
from fanfold.trading.terms import VenueTerms, client_id
from fanfold.trading.venue import OrderRequest
from fanfold.venues.ccxt import order_limits, structures
from fanfold.venues.ccxt.dialects import dialect_of
from fanfold.venues.ccxt.dialects.dialect import NativeCall
from fanfold.venues.ccxt.fault_texts import plain
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.listing import rules_of
from fanfold.venues.ccxt.touch import quote_of

# Nothing was sent: because of the order itself, or because its turn did not come in time.
UNFIT, NOT_SENT = "UNFIT", "NOT_SENT"
SERVER_FAULTS = 500
# How long a price counts by which fees are valued.
WORTH_S = 60
# How long after a failure the markets are not asked for again.
RELOAD_S = 60
log = logging.getLogger("fanfold")


class ExchangeTrading:
    """An exchange under the key of one account; see TradingVenue."""

    def __init__(
        self,
        terms: VenueTerms,
        client: KeyedClient,
        now: Callable[[], datetime],
        odd: Callable[..., None] | None = None,
        unauthorised: Callable[[], object] = lambda: None,
    ) -> None:
        """Call ``odd`` with an event, and ``why``, for what somebody has to look at; it is logged without one.

        ``unauthorised`` is called where an order is refused because of the key.
        """
        self._unauthorised = unauthorised
        self._odd = odd or _log_odd
        self._terms = terms
        self._client = client
        self._now = now
        self._dialect = dialect_of(terms.exchange)
        self._worths: dict[tuple[str, str], tuple[datetime, Decimal | None]] = {}
        self._key_unchecked = False
        self._refused_reload = now(), ""

    @property
    def terms(self) -> VenueTerms:
        return self._terms

    def place(self, request: OrderRequest) -> Outcome:
        """Send one request; the module says how its outcome is judged."""
        order = request.order
        refused = self._key_refused() if self._key_unchecked else None
        if refused:
            return refused
        try:
            native = self._native(request)
        except BadInput as unfit:
            return Rejected(code=UNFIT, detail=str(unfit), unfit=True)
        except VenueUnavailable as fault:
            return self._not_sent(str(fault))
        fence = self._dialect.fence(request.claimed_at, request.deadline)
        try:
            answer = self._client.send(native, fence, lambda: self._now() > request.deadline)
            return self._judged(order, answer)
        except self._client.faults as fault:
            self._client.heed(fault)
            detail = f"{type(fault).__name__}: {plain(fault):.300}"
            if not self._client.sent:
                return self._not_sent(detail)
            # Whatever was raised, what the exchange wrote counts.
            return self._refused() or Unknown(why=detail)

    def find(self, order: Order, venue_order_id: str = "") -> VenueOrder | None:
        sent = client_id(self._terms, order.client_order_id)
        # By its own id a venue finds an order in one look.
        known = self._look_up(order, sent, venue_order_id) if venue_order_id else None
        return known or self._look_up(order, sent, "")

    def cancel(self, order: Order, venue_order_id: str) -> VenueOrder | Unknown:
        """Cancel, and look the order up: only what the exchange then says of it counts."""
        try:
            known = venue_order_id or getattr(self.find(order), "venue_order_id", "")
            why = self.request_cancel(order, known) if known else ""
            why = why or f"{self._terms.exchange} does not know the order"
            return self.find(order, known) or Unknown(why=why)
        except VenueUnavailable as unavailable:
            return Unknown(why=str(unavailable))

    def request_cancel(self, order: Order, venue_order_id: str) -> str:
        try:
            with self._client.pace.cancelling():
                names = self._client.market_id(order.instrument), client_id(self._terms, order.client_order_id)
                self._client.call(self._dialect.cancel(*names, venue_order_id))
        except self._client.faults as fault:
            # It may have been canceled all the same; a look-up says so.
            self._client.heed(fault)
            return f"{type(fault).__name__}: {plain(fault):.300}"
        return ""

    def open_orders(self) -> Sequence[VenueOrder]:
        orders = []
        for document in self._read(lambda: self._dialect.open_orders(self._client)):
            try:
                orders.append(structures.open_order(document, self._terms))
            except VenueUnavailable as unreadable:
                self._odd("an open order cannot be read", why=str(unreadable))
        return orders

    def trades(self, instrument: str, since: datetime) -> Sequence[VenueTrade]:
        documents = self._read(lambda: list(self._dialect.trades(self._client, instrument, since, self._now())))
        return self._since(since, documents)

    def trades_of_all(
        self, instruments: Collection[str], since: datetime
    ) -> Mapping[str, Sequence[VenueTrade] | VenueUnavailable]:
        documents: dict[str, list[Any]] = {instrument: [] for instrument in instruments}
        for document in self._read(lambda: list(self._dialect.trades_of_all(self._client, since))):
            # Of others somebody else trades, and a fault in them is none of ours.
            documents.get(document["symbol"], []).append(document)
        trades: dict[str, Sequence[VenueTrade] | VenueUnavailable] = {}
        for instrument, own in documents.items():
            try:
                trades[instrument] = self._since(since, own)
            except VenueUnavailable as fault:
                trades[instrument] = fault
        return trades

    def _since(self, since: datetime, documents: Sequence[Any]) -> list[VenueTrade]:
        trades = {trade.trade_id: trade for trade in (structures.trade(each, self._terms) for each in documents)}
        return sorted((trade for trade in trades.values() if trade.at >= since), key=lambda trade: trade.at)

    def balances(self) -> Mapping[str, Decimal]:
        totals: dict[str, Decimal] = {}
        for currency, amount in self._read(lambda: list(self._dialect.balances(self._client))):
            totals[currency] = EXACT.add(totals.get(currency, ZERO), amount)
        return totals

    def quote(self, instrument: str) -> Quote:
        return quote_of(self._client, instrument, self._now())

    def rules(self, instrument: str, since: datetime) -> Instrument | None:
        if self._client.loaded_at < since:
            self._reload()
        if not self._client.has(instrument):
            return None
        as_of = self._client.loaded_at.date().isoformat()
        stated = rules_of(self._terms.exchange, self._client.market(instrument), as_of)
        if stated is None:
            raise VenueUnavailable(f"{self._terms.exchange} does not state tick and lot of {instrument}")
        return stated

    def _reload(self) -> None:
        """Fetch the markets anew. What failed is not tried again within a minute: each instrument asks for it."""
        now = self._now()
        failed_at, why = self._refused_reload
        if why and (now - failed_at).total_seconds() < RELOAD_S:
            raise VenueUnavailable(why)
        try:
            self._client.reload()
        except VenueUnavailable as fault:
            self._refused_reload = now, str(fault)
            raise

    def worth(self, currency: str, quote: str) -> Decimal | None:
        """Return the mean of the best bid and ask; what was asked in the last minute counts."""
        known = self._worths.get((currency, quote))
        now = self._now()
        if known is None or (now - known[0]).total_seconds() > WORTH_S:
            known = self._worths[currency, quote] = now, self._mean(currency, quote)
        return known[1]

    def _mean(self, currency: str, quote: str) -> Decimal | None:
        two = Decimal(2)
        try:
            if self._client.has(f"{currency}/{quote}"):
                bid, ask = map(Decimal, self._client.touch(f"{currency}/{quote}"))
                return ratio(EXACT.add(bid, ask), two) if ZERO < bid <= ask else None
            if self._client.has(f"{quote}/{currency}"):
                bid, ask = map(Decimal, self._client.touch(f"{quote}/{currency}"))
                return ratio(two, EXACT.add(bid, ask)) if ZERO < bid <= ask else None
        except (VenueUnavailable, InvalidOperation, TypeError) as fault:
            log.warning("%s gives no price of %s in %s: %s", self._terms.exchange, currency, quote, fault)
        return None

    def arm_cancel_all(self, within_s: int) -> bool:
        native = self._dialect.cancel_all_after(within_s)
        if native is not None:
            self._read(lambda: self._client.call(native))
        return native is not None

    def check_key(self) -> str:
        """Raise BadInput for a key that may withdraw or not trade; return what could not be checked, or ""."""
        rights = self._read(lambda: self._dialect.rights(self._client))
        if rights is None:
            self._key_unchecked = False
            return f"{self._terms.exchange} does not say what a key may do; make sure that this one cannot withdraw"
        if "withdraw" in rights:
            raise BadInput(f"the key of {self._terms.exchange} may withdraw; make one that may only trade")
        if "trade" not in rights:
            raise BadInput(f"the key of {self._terms.exchange} may not trade spot; allow it, or make another")
        self._key_unchecked = False
        return ""

    def check_key_before_orders(self) -> None:
        """Send no order until the key was checked; what reads goes on."""
        self._key_unchecked = True

    def _key_refused(self) -> Rejected | None:
        try:
            self.check_key()
        except BadInput as refused:
            return Rejected(code=NOT_SENT, detail=str(refused))
        except VenueUnavailable as unavailable:
            return self._not_sent(str(unavailable))
        return None

    def _not_sent(self, why: str) -> Rejected:
        # What lapses is looked up before it is claimed anew, and without a fence no look-up would ever be proof enough.
        return Rejected(code=NOT_SENT, detail=why, lapsed=bool(self._terms.fence))

    def _native(self, request: OrderRequest) -> NativeCall:
        """Return the request of an order. Raises BadInput for one that the exchange cannot take."""
        order = request.order
        market = self._client.reading(lambda: self._client.market(order.instrument))
        order_limits.check(order, market)
        sent = client_id(self._terms, order.client_order_id)
        return self._dialect.place(order, str(market["id"]), sent, request.deadline)

    def _judged(self, order: Order, answer: Any) -> Outcome:
        if not isinstance(answer, dict):
            return Unknown(why=f"an answer that is no document: {answer!s:.200}")
        refused = self._refused()
        if refused:
            return refused
        structure = self._dialect.placed(self._client, answer, order.instrument)
        if not structure.get("id"):
            return Unknown(why="an answer without an order id")
        if structure.get("status") is None:
            return Placed(order=structures.acknowledged(order, str(structure["id"])))
        own = structures.own_trades(structure)
        trades = tuple(structures.trade(each, self._terms) for each in own)
        return Placed(order=structures.order(structure, self._terms), trades=trades)

    def _refused(self) -> Rejected | Unknown | None:
        """Return the refusal in the last answer to this thread, None where it was none."""
        status, document = self._client.answered()
        code, text = self._dialect.error(document) if document else ("", "")
        if not code:
            return None
        detail = f"{code} {text}".strip()
        if {code, detail} & self._terms.duplicates:
            return Unknown(why=f"it may be there already: {detail}")
        # What stands behind a fault of the exchange's own machines is not definitive, whatever its code.
        if status < SERVER_FAULTS and code in self._terms.rejections | self._terms.lapses:
            of_key = code in self._terms.unauthorised
            if of_key:
                self._unauthorised()
            lapsed = code in self._terms.lapses or (of_key and bool(self._terms.fence))
            return Rejected(code=code, detail=text, lapsed=lapsed, unfit=code in self._terms.unfit)
        return Unknown(why=f"HTTP {status}: {detail:.300}")

    def _look_up(self, order: Order, sent: str, venue_order_id: str) -> VenueOrder | None:
        for structure in self._read(lambda: self._dialect.find(self._client, order, sent, venue_order_id)):
            known = structures.order(structure, self._terms)
            if venue_order_id and known.venue_order_id == venue_order_id:
                return known
            if not venue_order_id and known.client_order_id == order.client_order_id:
                return known
        return None

    def _read(self, read: Callable[[], Any]) -> Any:
        self._client.reading(self._client.load)
        try:
            return self._client.reading(read)
        except BadInput as unlisted:
            # It may have been listed when the order was sent: what is not there is not answered, and may come back.
            raise VenueUnavailable(str(unlisted)) from unlisted


def _log_odd(event: str, why: str) -> None:
    log.error("%s: %s", event, why)
