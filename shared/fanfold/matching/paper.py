"""The paper venue: orders rest in a book and fill against real bars or quotes, by the rules of ``matching.fills``.

Matching resolves first, which changes nothing, books the fills by their trade ids, and commits last. A crash in between
leads to the same resolutions again: orders that arrive later are behind, and a committed bar is over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput, Conflict, VenueUnavailable
from fanfold.market.bars import Bar, PackedSeries, Series
from fanfold.matching import fills
from fanfold.matching.book import PaperBookVersion, PaperOrderStore, RestingOrder
from fanfold.matching.fills import MatchResult, Resolution
from fanfold.matching.prices import CandlePrices, FillModel, Quote
from fanfold.messages import Order
from fanfold.records import TERMINAL


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The venue has accepted the order, which may still rest or have ended."""

    client_order_id: str
    venue_order_id: str


class PaperVenue:
    """Venue for the paper accounts of a desk.

    With ``quote``, which gives an instrument's best prices now, orders that take fill by it at the next resolve;
    without, at the open of the next bar.
    """

    def __init__(self, desk: Desk, book: PaperOrderStore, quote: Callable[[str], Quote] | None = None) -> None:
        self._desk = desk
        self._book = book
        self._quote = quote

    def place(self, order: Order) -> Acceptance:
        """Accept an order. The same client order id is the same order. Raises BadInput for an invalid order."""
        listed = order.instrument in self._desk.instruments or fills.closes(order)
        if order.account not in self._desk.accounts or not listed:
            raise BadInput(f"order {order.order_id}: the desk has no {order.account} that trades {order.instrument}")
        fills.check(order)
        if not self._book.add(order):
            raise Conflict(f"order {order.order_id} was shut out of the paper book; it was given up before")
        return _acceptance(order)

    def find(self, order: Order) -> Acceptance | None:
        """Return the acceptance of an order that the venue ever accepted."""
        return _acceptance(order) if self._book.knows(order) else None

    def shut_out(self, order: Order) -> Acceptance | None:
        """Reject an order for good, however late its request comes. Return the acceptance if there is one."""
        return None if self._book.shut_out(order) else _acceptance(order)

    def resolve(
        self, account: str, series: Iterable[Series] | PackedSeries = (), ended_by: datetime | None = None
    ) -> MatchResult:
        """Resolve the account's orders against bars that are not matched yet; nothing is changed.

        Of the series only those of the venue's own timeframe count: longer bars hold the same trades again. With
        ``ended_by``, orders that expired by then end without a bar, too, because none comes any more.
        """
        page, packed = self._book.read(account), PackedSeries.of(series)
        bars = self._fresh(account, packed, page)
        resolutions = [
            resolution
            for instrument, resting in _by_instrument(page.resting).items()
            for resolution in self._resolved(account, instrument, resting, _candles(bars.get(instrument, {})), ended_by)
        ]
        newest = self._newest(account, packed, page)
        return MatchResult(
            account=account,
            version=page.version,
            resting=page.resting,
            resolutions=resolutions,
            matched_through_s=page.matched_through_s | newest,
        )

    def cancel(self, account: str, client_order_id: str, at: datetime, reason: str = "") -> None:
        """End an order that rests: the next resolve reports it, and no price that becomes known later fills it."""
        self._book.cancel(account, [client_order_id], at, reason)

    def cancel_all(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        """Cancel several orders of an account, all or none; see ``cancel``."""
        self._book.cancel(account, client_order_ids, at, reason)

    def commit(self, result: MatchResult) -> None:
        """Commit a match result to the book, after its fills are booked.

        Raises Conflict if the book has changed since; then resolve again.
        """
        over = [resolution.resting for resolution in result.resolutions if resolution.state in TERMINAL]
        going = [resolution.resting for resolution in result.resolutions if resolution.state not in TERMINAL]
        gone = [resting.order.client_order_id for resting in over]
        self._book.write(result.account, result.version, going, gone, result.matched_through_s)

    def _fresh(
        self, account: str, packed: PackedSeries, page: PaperBookVersion
    ) -> dict[str, dict[int, tuple[Series, Bar]]]:
        """Return bars that are not matched yet, by instrument and close, each with its series.

        Those of instruments without an order that rests are left out.
        """
        if account not in self._desk.accounts:
            return {}
        timeframe = self._desk.venues[self._desk.accounts[account].venue].timeframe
        fresh: dict[str, dict[int, tuple[Series, Bar]]] = {}
        for part in packed.unpacked({entry.order.instrument for entry in page.resting}):
            for bar in part.bars if part.timeframe == timeframe else ():
                if bar.closes_at_s > page.matched_through_s.get(part.instrument, 0):
                    fresh.setdefault(part.instrument, {})[bar.closes_at_s] = part, bar
        return fresh

    def _newest(self, account: str, packed: PackedSeries, page: PaperBookVersion) -> dict[str, int]:
        """Return the close of the newest bar of each instrument that has one which is not matched yet."""
        if account not in self._desk.accounts:
            return {}
        timeframe = self._desk.venues[self._desk.accounts[account].venue].timeframe
        known = page.matched_through_s
        return {name: at for name, at in packed.newest(timeframe).items() if at > known.get(name, 0)}

    def _resolved(
        self,
        account: str,
        instrument: str,
        resting: list[RestingOrder],
        bars: list[CandlePrices],
        ended_by: datetime | None,
    ) -> list[Resolution]:
        takers = [order for order in resting if self._quote and order.takes]
        others = [order for order in resting if not (self._quote and order.takes)]
        known = self._desk.accounts.get(account)
        if known is not None and instrument in self._desk.instruments:
            model = FillModel.of(known, self._desk.instruments[instrument])
            after = [*self._taken(instrument, takers, model), *fills.resolve_all(others, bars, model)]
        elif known is not None:
            after = [fills.close_delisted(order, known.taker_bps) for order in takers + others]
        else:
            after = [fills.resolve_unmatched(order) for order in takers + others]
        if ended_by is not None:
            after = [fills.expired(resolution, ended_by) for resolution in after]
        return [now for was, now in zip(takers + others, after, strict=True) if now != fills.unchanged(was)]

    def _taken(self, instrument: str, takers: list[RestingOrder], model: FillModel) -> list[Resolution]:
        if not self._quote or not takers:
            return []
        try:
            quote = self._quote(instrument)
        except VenueUnavailable:
            # Without a price these wait for the next bar's resolve; the account's other orders do not.
            return [fills.resolve_unmatched(order) for order in takers]
        return [fills.take(taker, quote, model) for taker in takers]


def _candles(by_close: Mapping[int, tuple[Series, Bar]]) -> list[CandlePrices]:
    return [fills.candle(*by_close[closes_at_s]) for closes_at_s in sorted(by_close)]


def _acceptance(order: Order) -> Acceptance:
    venue_order_id = ids.derive("paper-order", order.account, order.client_order_id)
    return Acceptance(client_order_id=order.client_order_id, venue_order_id=venue_order_id)


def _by_instrument(resting: Iterable[RestingOrder]) -> dict[str, list[RestingOrder]]:
    grouped: dict[str, list[RestingOrder]] = {}
    for order in resting:
        grouped.setdefault(order.order.instrument, []).append(order)
    return grouped
