"""Stops, profits and trails in compiled code, by the closes, as ``risk.protection`` holds them."""

from fanfold.research.account_book import (
    FRESH,
    NOTHING,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    StopField,
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
        now = book.leg[leg, LegField.OUT] != 0 and book.leg[leg, LegField.OUT_AT] == market.time[at]
        if now and terms.leg[leg, LegTerm.BUNDLE] >= 0:
            _close_partners(leg, at, book, market, terms)
    for leg in range(len(book.leg)):
        book.leg[leg, LegField.OUTCOME] = _is_alone(leg, book, terms)
    for leg in range(len(book.leg)):
        _follow(leg, at, book, market, terms)


@piece
def _renew(leg: int, book: Book, wanted: Wanted) -> None:
    """Take what the leg's newest target asks for; one that is not followed changes nothing."""
    mine = book.leg[leg]
    exits = mine[LegField.OUT] != 0 and mine[LegField.EXIT] == mine[LegField.OUT_AT]
    if mine[LegField.STATE] == NOTHING or exits:
        return
    weight = book.weight[leg]
    side = 1 if weight > 0.0 else -1 if weight < 0.0 else 0
    if mine[LegField.OUT] != 0 and side == mine[LegField.OUT]:
        return
    row = wanted.protection[mine[LegField.AT] if wanted.protection.shape[0] > 1 else 0, leg]
    if mine[LegField.OUT] != 0 or side == 0 or row < 0:
        mine[LegField.SIDE], mine[LegField.BEST], mine[LegField.OUT] = 0, 0, 0
    mine[LegField.GUARD] = row if side != 0 else -1


@piece
def _side(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the sign of a position; what is too little to be sold is none."""
    quantity, instrument = book.leg[leg, LegField.QUANTITY], terms.leg[leg, LegTerm.INSTRUMENT]
    if too_small(quantity, instrument, market.bars[BarField.CLOSE, instrument, at], terms):
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
    price = market.bars[BarField.CLOSE, terms.leg[leg, LegTerm.INSTRUMENT], at]
    if (mine[LegField.GUARD] < 0 and mine[LegField.OUT] == 0) or price == 0:
        return False
    side, stop = _side(leg, at, book, market, terms), book.stop[leg]
    if stop[StopField.NOTED] != 0 and stop[StopField.FILLED] > 0 and mine[LegField.OUT] == 0:
        mine[LegField.SIDE], mine[LegField.OUT], mine[LegField.BEST] = side, stop[StopField.SIGN], 0
        mine[LegField.OUT_AT] = market.time[at]
        return True
    if side == 0:
        mine[LegField.SIDE], mine[LegField.BEST] = 0, 0
        return False
    cost, lots = cost_of_open(leg, book), abs(mine[LegField.QUANTITY])
    if side != mine[LegField.SIDE] or mine[LegField.BEST] == 0:
        mine[LegField.BEST], mine[LegField.BEST_BY] = cost, lots
    if side * (price * mine[LegField.BEST_BY] - mine[LegField.BEST]) > 0:
        mine[LegField.BEST], mine[LegField.BEST_BY] = price, 1
    if mine[LegField.SIDE] == 0 and side == mine[LegField.OUT]:
        # It was dust for a while, and is closed by an exit of its own.
        mine[LegField.OUT_AT] = market.time[at]
    mine[LegField.SIDE] = side
    if mine[LegField.OUT] != 0 or not _reached(leg, side, price, cost, lots, book, wanted):
        return False
    mine[LegField.OUT], mine[LegField.OUT_AT], mine[LegField.BEST] = side, market.time[at], 0
    return True


@piece
def _reached(leg: int, side: int, price: int, cost: int, lots: int, book: Book, wanted: Wanted) -> bool:
    """Return whether a share is reached: by products with the lots, which are whole, so that nothing is rounded."""
    mine = book.leg[leg]
    shares = wanted.shares[mine[LegField.GUARD]]
    gain = side * (price * lots - cost)
    if shares[0] > 0 and gain <= share_of(-cost, shares[0], shares[1]):
        return True
    best, by = mine[LegField.BEST], mine[LegField.BEST_BY]
    if shares[4] > 0 and side * (price * by - best) <= share_of(-best, shares[4], shares[5]):
        return True
    return shares[2] > 0 and -gain <= share_of(-cost, shares[2], shares[3])


@piece
def _close_partners(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Close the other legs of a bundle of which one leg was closed now."""
    for other in range(len(book.leg)):
        if terms.leg[other, LegTerm.BUNDLE] != terms.leg[leg, LegTerm.BUNDLE] or book.leg[other, LegField.OUT] != 0:
            continue
        side = _side(other, at, book, market, terms)
        if side != 0:
            book.leg[other, LegField.SIDE], book.leg[other, LegField.OUT], book.leg[other, LegField.BEST] = (
                side,
                side,
                0,
            )
            book.leg[other, LegField.OUT_AT] = market.time[at]


@piece
def _follow(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    mine = book.leg[leg]
    if mine[LegField.OUT] == 0:
        if mine[LegField.OUTCOME] != 0:
            mine[LegField.STATE] = NOTHING
        return
    if _side(leg, at, book, market, terms) != mine[LegField.OUT]:
        mine[LegField.STATE] = NOTHING
    elif mine[LegField.STATE] == NOTHING or mine[LegField.EXIT] != mine[LegField.OUT_AT]:
        mine[LegField.STATE], book.weight[leg], mine[LegField.AT] = FRESH, 0.0, at
        mine[LegField.EXIT], mine[LegField.CODE] = mine[LegField.OUT_AT], 0


@piece
def _is_alone(leg: int, book: Book, terms: Terms) -> bool:
    """Return whether a target would hold a leg of a bundle of which another leg is not followed."""
    sized = terms.leg[leg]
    if sized[LegTerm.BUNDLE] < 0 or book.weight[leg] == 0.0:
        return False
    for other in range(len(book.leg)):
        follows = book.leg[other, LegField.OUT] == 0 or book.leg[other, LegField.STATE] == NOTHING
        if terms.leg[other, LegTerm.BUNDLE] == sized[LegTerm.BUNDLE] and not follows:
            return True
    return False
