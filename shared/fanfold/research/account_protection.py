"""Stops, profits and trails in compiled code, by the closes, as ``risk.protection`` holds them."""

from fanfold.research.account_book import (
    FRESH,
    NOTHING,
    BarPlace,
    Book,
    LegPlace,
    PollTable,
    Sized,
    StopPlace,
    Terms,
    Wanted,
)
from fanfold.research.account_sizing import too_small
from fanfold.research.tape import OLDEST, FillField, piece, share_of


@piece
def protect(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> None:
    """Put exits in the place of targets whose position its protection closes, and drop those that are not followed."""
    closed = False
    for leg in range(len(book.leg)):
        _renew(leg, book, wanted)
        closed = _watch(leg, at, book, market, terms, wanted) or closed
    for leg in range(len(book.leg) if closed else 0):
        now = book.leg[leg, LegPlace.OUT] != 0 and book.leg[leg, LegPlace.OUT_AT] == market.time[at]
        if now and terms.leg[leg, Sized.BUNDLE] >= 0:
            _close_partners(leg, at, book, market, terms)
    for leg in range(len(book.leg)):
        book.leg[leg, LegPlace.OUTCOME] = _is_alone(leg, book, terms)
    for leg in range(len(book.leg)):
        _follow(leg, at, book, market, terms)


@piece
def _renew(leg: int, book: Book, wanted: Wanted) -> None:
    """Take what the leg's newest target asks for; one that is not followed changes nothing."""
    mine = book.leg[leg]
    exits = mine[LegPlace.OUT] != 0 and mine[LegPlace.EXIT] == mine[LegPlace.OUT_AT]
    if mine[LegPlace.STATE] == NOTHING or exits:
        return
    weight = book.weight[leg]
    side = 1 if weight > 0.0 else -1 if weight < 0.0 else 0
    if mine[LegPlace.OUT] != 0 and side == mine[LegPlace.OUT]:
        return
    row = wanted.protection[mine[LegPlace.AT] if wanted.protection.shape[0] > 1 else 0, leg]
    if mine[LegPlace.OUT] != 0 or side == 0 or row < 0:
        mine[LegPlace.SIDE], mine[LegPlace.BEST], mine[LegPlace.OUT] = 0, 0, 0
    mine[LegPlace.GUARD] = row if side != 0 else -1


@piece
def _side(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the sign of a position; what is too little to be sold is none."""
    quantity, instrument = book.leg[leg, LegPlace.QUANTITY], terms.leg[leg, Sized.INSTRUMENT]
    if too_small(quantity, instrument, market.bars[BarPlace.CLOSE, instrument, at], terms):
        return 0
    return 1 if quantity > 0 else -1


@piece
def cost_of_open(leg: int, book: Book) -> int:
    """Return the sum of price by lots of what is open."""
    cost, lot = 0, book.tape.lots[leg, OLDEST]
    while lot >= 0:
        fill = book.tape.fills[lot]
        cost += fill[FillField.LEFT] * fill[FillField.PRICE]
        lot = fill[FillField.FOLLOWS]
    return cost


@piece
def _watch(leg: int, at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> bool:
    """Move a protection with the close; return whether it is reached now."""
    mine = book.leg[leg]
    price = market.bars[BarPlace.CLOSE, terms.leg[leg, Sized.INSTRUMENT], at]
    if (mine[LegPlace.GUARD] < 0 and mine[LegPlace.OUT] == 0) or price == 0:
        return False
    side, stop = _side(leg, at, book, market, terms), book.stop[leg]
    if stop[StopPlace.NOTED] != 0 and stop[StopPlace.FILLED] > 0 and mine[LegPlace.OUT] == 0:
        mine[LegPlace.SIDE], mine[LegPlace.OUT], mine[LegPlace.BEST] = side, stop[StopPlace.SIGN], 0
        mine[LegPlace.OUT_AT] = market.time[at]
        return True
    if side == 0:
        mine[LegPlace.SIDE], mine[LegPlace.BEST] = 0, 0
        return False
    cost, lots = cost_of_open(leg, book), abs(mine[LegPlace.QUANTITY])
    if side != mine[LegPlace.SIDE] or mine[LegPlace.BEST] == 0:
        mine[LegPlace.BEST], mine[LegPlace.BEST_BY] = cost, lots
    if side * (price * mine[LegPlace.BEST_BY] - mine[LegPlace.BEST]) > 0:
        mine[LegPlace.BEST], mine[LegPlace.BEST_BY] = price, 1
    if mine[LegPlace.SIDE] == 0 and side == mine[LegPlace.OUT]:
        # It was dust for a while, and is closed by an exit of its own.
        mine[LegPlace.OUT_AT] = market.time[at]
    mine[LegPlace.SIDE] = side
    if mine[LegPlace.OUT] != 0 or not _reached(leg, side, price, cost, lots, book, wanted):
        return False
    mine[LegPlace.OUT], mine[LegPlace.OUT_AT], mine[LegPlace.BEST] = side, market.time[at], 0
    return True


@piece
def _reached(leg: int, side: int, price: int, cost: int, lots: int, book: Book, wanted: Wanted) -> bool:
    """Return whether a share is reached: by products with the lots, which are whole, so that nothing is rounded."""
    mine = book.leg[leg]
    shares = wanted.shares[mine[LegPlace.GUARD]]
    gain = side * (price * lots - cost)
    if shares[0] > 0 and gain <= share_of(-cost, shares[0], shares[1]):
        return True
    best, by = mine[LegPlace.BEST], mine[LegPlace.BEST_BY]
    if shares[4] > 0 and side * (price * by - best) <= share_of(-best, shares[4], shares[5]):
        return True
    return shares[2] > 0 and -gain <= share_of(-cost, shares[2], shares[3])


@piece
def _close_partners(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Close the other legs of a bundle of which one leg was closed now."""
    for other in range(len(book.leg)):
        if terms.leg[other, Sized.BUNDLE] != terms.leg[leg, Sized.BUNDLE] or book.leg[other, LegPlace.OUT] != 0:
            continue
        side = _side(other, at, book, market, terms)
        if side != 0:
            book.leg[other, LegPlace.SIDE], book.leg[other, LegPlace.OUT], book.leg[other, LegPlace.BEST] = (
                side,
                side,
                0,
            )
            book.leg[other, LegPlace.OUT_AT] = market.time[at]


@piece
def _follow(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    mine = book.leg[leg]
    if mine[LegPlace.OUT] == 0:
        if mine[LegPlace.OUTCOME] != 0:
            mine[LegPlace.STATE] = NOTHING
        return
    if _side(leg, at, book, market, terms) != mine[LegPlace.OUT]:
        mine[LegPlace.STATE] = NOTHING
    elif mine[LegPlace.STATE] == NOTHING or mine[LegPlace.EXIT] != mine[LegPlace.OUT_AT]:
        mine[LegPlace.STATE], book.weight[leg], mine[LegPlace.AT] = FRESH, 0.0, at
        mine[LegPlace.EXIT], mine[LegPlace.CODE] = mine[LegPlace.OUT_AT], 0


@piece
def _is_alone(leg: int, book: Book, terms: Terms) -> bool:
    """Return whether a target would hold a leg of a bundle of which another leg is not followed."""
    sized = terms.leg[leg]
    if sized[Sized.BUNDLE] < 0 or book.weight[leg] == 0.0:
        return False
    for other in range(len(book.leg)):
        follows = book.leg[other, LegPlace.OUT] == 0 or book.leg[other, LegPlace.STATE] == NOTHING
        if terms.leg[other, Sized.BUNDLE] == sized[Sized.BUNDLE] and not follows:
            return True
    return False
