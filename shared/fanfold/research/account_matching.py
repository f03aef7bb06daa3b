"""The paper venue of an account in compiled code: orders at market meet the open of the next bar, and expire.

The rules are those of ``matching.fills`` for a limit order that takes what there is within its limit, or ends.
"""

from fanfold.research.account_book import (
    FLOW,
    ROOM,
    BarPlace,
    Book,
    LegPlace,
    PollTable,
    Rate,
    RulePlace,
    Sized,
    Sum,
    Term,
    Terms,
)
from fanfold.research.tape import fee_of, piece, worsened, write_fill


@piece
def match(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Let live orders meet the bars of their instruments, the first to arrive first."""
    for instrument in range(len(terms.rule)):
        rule, volume = terms.rule[instrument], market.bars[at, instrument, BarPlace.VOLUME]
        book.instrument[ROOM, instrument] = volume * rule[RulePlace.ROOM_OF] // rule[RulePlace.ROOM_BY]
    leg = _next(at, book, market, terms)
    while leg >= 0:
        _resolve(leg, at, book, market, terms)
        book.sums[Sum.RESERVED] -= book.leg[leg, LegPlace.RESERVED]
        book.sums[Sum.LIVE] -= 1
        book.leg[leg, LegPlace.OPEN], book.leg[leg, LegPlace.RESERVED] = 0, 0
        leg = _next(at, book, market, terms)


@piece
def _next(at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the leg of the oldest live order whose instrument has a bar that opened since it arrived; -1 for none."""
    oldest, opens_at = -1, market.time[at] - terms.account[Term.LENGTH_S]
    for leg in range(len(book.leg)):
        waits = book.leg[leg, LegPlace.OPEN] != 0 and market.bars[at, terms.leg[leg, Sized.INSTRUMENT], BarPlace.SEEN]
        arrived = book.leg[leg, LegPlace.DECIDED_AT] + terms.account[Term.LATENCY_S] <= opens_at
        if waits and arrived and (oldest < 0 or book.leg[leg, LegPlace.ARRIVED] < book.leg[oldest, LegPlace.ARRIVED]):
            oldest = leg
    return oldest


@piece
def _resolve(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Fill an order as far as the open of its bar, the bar's volume and its reservation allow."""
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument, lots, limit = sized[Sized.INSTRUMENT], mine[LegPlace.OPEN], mine[LegPlace.LIMIT]
    rule, bar = terms.rule[instrument], market.bars[at, instrument]
    tick, worth, first = rule[RulePlace.TICK], rule[RulePlace.WORTH], bar[BarPlace.OPEN]
    if mine[LegPlace.DECIDED_AT] + sized[Sized.LIFETIME_S] <= market.time[at] - terms.account[Term.LENGTH_S]:
        return
    beyond = first <= limit - tick if lots > 0 else first >= limit + tick or limit <= tick
    size = min(abs(lots), book.instrument[ROOM, instrument])
    if not beyond or size == 0 or bar[BarPlace.VOLUME] == 0:
        return
    price = worsened(lots, first, terms.rate[Rate.WORSE, 0], terms.rate[Rate.WORSE, 1], tick)
    price = min(price, limit) if lots > 0 else max(price, limit)
    fee = _fee(size * price * worth, terms)
    if terms.account[Term.SPOT] and lots > 0 and size * price * worth + fee > mine[LegPlace.RESERVED]:
        size = _paid_for(mine[LegPlace.RESERVED], price * worth, terms)
        fee = _fee(size * price * worth, terms)
    if size > 0:
        book.instrument[ROOM, instrument] -= size
        _book(leg, at, size if lots > 0 else -size, price, fee, book, terms)


@piece
def _fee(notional: int, terms: Terms) -> int:
    return fee_of(notional, terms.rate[Rate.FEE, 0], terms.rate[Rate.FEE, 1], terms.account[Term.STEP])


@piece
def _paid_for(reserved: int, unit: int, terms: Terms) -> int:
    """Return the lots that a reservation pays for, of which each costs ``unit`` and its fee."""
    of, by = terms.rate[Rate.FEE, 0], terms.rate[Rate.FEE, 1]
    return max((reserved - terms.account[Term.STEP]) * by // (unit * (by + of)), 0)


@piece
def _book(leg: int, at: int, lots: int, price: int, fee: int, book: Book, terms: Terms) -> None:
    worth, step = terms.rule[terms.leg[leg, Sized.INSTRUMENT], RulePlace.WORTH], terms.account[Term.STEP]
    paid = lots * price * worth + fee
    write_fill(book.tape, leg, at, lots, price, fee, worth, step)
    book.sums[Sum.CASH] -= paid
    book.instance[FLOW, terms.leg[leg, Sized.INSTANCE]] -= paid
    book.leg[leg, LegPlace.QUANTITY] += lots
