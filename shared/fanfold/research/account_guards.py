"""Stops, profits and trails in compiled code, by the closes, as ``risk.protection`` holds them."""

from fanfold.research.account_book import FRESH, NOTHING, Bar, Book, Leg, Market, Sized, Terms, Wanted
from fanfold.research.account_sizing import too_small
from fanfold.research.tape import OLDEST, FillField, piece


@piece
def guard(at: int, book: Book, market: Market, terms: Terms, wanted: Wanted) -> None:
    """Put exits in the place of targets whose position its protection closes, and drop those that are not followed."""
    closed = False
    for leg in range(len(book.leg)):
        _renew(leg, book, wanted)
        closed = _watch(leg, at, book, market, terms, wanted) or closed
    for leg in range(len(book.leg) if closed else 0):
        now = book.leg[leg, Leg.OUT] != 0 and book.leg[leg, Leg.OUT_AT] == market.time[at]
        if now and terms.leg[leg, Sized.BUNDLE] >= 0:
            _close_partners(leg, at, book, market, terms)
    for leg in range(len(book.leg)):
        book.leg[leg, Leg.OUTCOME] = _is_alone(leg, book, terms)
    for leg in range(len(book.leg)):
        _follow(leg, at, book, market, terms)


@piece
def _renew(leg: int, book: Book, wanted: Wanted) -> None:
    """Take what the leg's newest target asks for; one that is not followed changes nothing."""
    mine = book.leg[leg]
    exits = mine[Leg.OUT] != 0 and mine[Leg.EXIT] == mine[Leg.OUT_AT]
    if mine[Leg.STATE] == NOTHING or exits:
        return
    weight = book.weight[leg]
    side = 1 if weight > 0.0 else -1 if weight < 0.0 else 0
    if mine[Leg.OUT] != 0 and side == mine[Leg.OUT]:
        return
    row = wanted.protection[mine[Leg.AT] if wanted.protection.shape[0] > 1 else 0, leg]
    if mine[Leg.OUT] != 0 or side == 0 or row < 0:
        mine[Leg.SIDE], mine[Leg.BEST], mine[Leg.OUT] = 0, 0, 0
    mine[Leg.GUARD] = row if side != 0 else -1


@piece
def _side(leg: int, at: int, book: Book, market: Market, terms: Terms) -> int:
    """Return the sign of a position; what is too little to be sold is none."""
    quantity, instrument = book.leg[leg, Leg.QUANTITY], terms.leg[leg, Sized.INSTRUMENT]
    if too_small(quantity, instrument, market.bars[at, instrument, Bar.CLOSE], terms):
        return 0
    return 1 if quantity > 0 else -1


@piece
def _cost(leg: int, book: Book) -> int:
    """Return the sum of price by lots of what is open."""
    cost, lot = 0, book.tape.lots[leg, OLDEST]
    while lot >= 0:
        fill = book.tape.fills[lot]
        cost += fill[FillField.LEFT] * fill[FillField.PRICE]
        lot = fill[FillField.FOLLOWS]
    return cost


@piece
def _watch(leg: int, at: int, book: Book, market: Market, terms: Terms, wanted: Wanted) -> bool:
    """Move a protection with the close; return whether it is reached now."""
    mine = book.leg[leg]
    price = market.bars[at, terms.leg[leg, Sized.INSTRUMENT], Bar.CLOSE]
    if (mine[Leg.GUARD] < 0 and mine[Leg.OUT] == 0) or price == 0:
        return False
    side = _side(leg, at, book, market, terms)
    if side == 0:
        mine[Leg.SIDE], mine[Leg.BEST] = 0, 0
        return False
    cost, lots = _cost(leg, book), abs(mine[Leg.QUANTITY])
    if side != mine[Leg.SIDE] or mine[Leg.BEST] == 0:
        mine[Leg.BEST], mine[Leg.BEST_BY] = cost, lots
    if side * (price * mine[Leg.BEST_BY] - mine[Leg.BEST]) > 0:
        mine[Leg.BEST], mine[Leg.BEST_BY] = price, 1
    mine[Leg.SIDE] = side
    if mine[Leg.OUT] != 0 or not _reached(leg, side, price, cost, lots, book, wanted):
        return False
    mine[Leg.OUT], mine[Leg.OUT_AT], mine[Leg.BEST] = side, market.time[at], 0
    return True


@piece
def _reached(leg: int, side: int, price: int, cost: int, lots: int, book: Book, wanted: Wanted) -> bool:
    """Return whether a share is reached: products of both sides by the lots, so that nothing is rounded."""
    mine = book.leg[leg]
    shares = wanted.shares[mine[Leg.GUARD]]
    gain = side * (price * lots - cost)
    if shares[0] > 0 and -gain * shares[1] >= shares[0] * cost:
        return True
    best, by = mine[Leg.BEST], mine[Leg.BEST_BY]
    if shares[4] > 0 and side * (best - price * by) * shares[5] >= shares[4] * best:
        return True
    return shares[2] > 0 and gain * shares[3] >= shares[2] * cost


@piece
def _close_partners(leg: int, at: int, book: Book, market: Market, terms: Terms) -> None:
    """Close the other legs of a bundle of which one leg was closed now."""
    for other in range(len(book.leg)):
        if terms.leg[other, Sized.BUNDLE] != terms.leg[leg, Sized.BUNDLE] or book.leg[other, Leg.OUT] != 0:
            continue
        side = _side(other, at, book, market, terms)
        if side != 0:
            book.leg[other, Leg.SIDE], book.leg[other, Leg.OUT], book.leg[other, Leg.BEST] = side, side, 0
            book.leg[other, Leg.OUT_AT] = market.time[at]


@piece
def _follow(leg: int, at: int, book: Book, market: Market, terms: Terms) -> None:
    mine = book.leg[leg]
    if mine[Leg.OUT] == 0:
        if mine[Leg.OUTCOME] != 0:
            mine[Leg.STATE] = NOTHING
        return
    if _side(leg, at, book, market, terms) != mine[Leg.OUT]:
        mine[Leg.STATE] = NOTHING
    elif mine[Leg.STATE] == NOTHING or mine[Leg.EXIT] != mine[Leg.OUT_AT]:
        mine[Leg.STATE], book.weight[leg], mine[Leg.AT] = FRESH, 0.0, at
        mine[Leg.EXIT], mine[Leg.CODE] = mine[Leg.OUT_AT], 0


@piece
def _is_alone(leg: int, book: Book, terms: Terms) -> bool:
    """Return whether a target would hold a leg of a bundle of which another leg is not followed."""
    sized = terms.leg[leg]
    if sized[Sized.BUNDLE] < 0 or book.weight[leg] == 0.0:
        return False
    for other in range(len(book.leg)):
        follows = book.leg[other, Leg.OUT] == 0 or book.leg[other, Leg.STATE] == NOTHING
        if terms.leg[other, Sized.BUNDLE] == sized[Sized.BUNDLE] and not follows:
            return True
    return False
