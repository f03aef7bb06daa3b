"""The paper venue of an account in compiled code: orders at market meet the open of the next bar, and expire; stops
rest.

The rules are those of ``matching.fills`` for a limit order that takes what there is within its limit, or ends, and for
a stop, with a profit beside it or without.
"""

from fanfold.research.account_book import (
    FLOW,
    HIGH,
    LOW,
    ROOM,
    AccountField,
    AccountRate,
    AccountTerm,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    StopField,
    Terms,
)
from fanfold.research.tape import fee_of, piece, portion, worsened, write_fill
from fanfold.risk.resting_stops import RESTS_FOR_S

# Greater than any number of arrival.
NEVER = 2**62


@piece
def match(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Let live orders meet the bars of their instruments, the first to arrive first."""
    for leg in range(len(book.leg)):
        if book.leg[leg, LegField.OPEN] != 0 or book.stop[leg, StopField.RESTS] != 0:
            instrument = terms.leg[leg, LegTerm.INSTRUMENT]
            rule, volume = terms.rule[instrument], market.bars[BarField.VOLUME, instrument, at]
            book.instrument[ROOM, instrument] = volume * rule[RuleField.ROOM_OF] // rule[RuleField.ROOM_BY]
    leg = 0
    while leg >= 0 and book.sums[AccountField.LIVE] + book.sums[AccountField.RESTING] > 0:
        leg, stops = _next(at, book, market, terms)
        if leg >= 0 and stops:
            _meet_stop(leg, at, book, market, terms)
        elif leg >= 0:
            _resolve(leg, at, book, market, terms)
            book.sums[AccountField.RESERVED] -= book.leg[leg, LegField.RESERVED]
            book.sums[AccountField.LIVE] -= 1
            book.leg[leg, LegField.OPEN], book.leg[leg, LegField.RESERVED] = 0, 0
    # Those that are withdrawn end after the bars that they rested in.
    for each in range(len(book.stop) if book.sums[AccountField.RESTING] > 0 else 0):
        if book.stop[each, StopField.WITHDRAWN] != 0:
            end_stop(each, book)


@piece
def _next(at: int, book: Book, market: PollTable, terms: Terms) -> tuple[int, bool]:
    """Return the leg of the oldest order, or stop, whose instrument has a bar that opened since it arrived.

    The leg is -1 for none; a stop meets a bar once.
    """
    oldest, stops, first = -1, False, NEVER
    since = market.time[at] - terms.account[AccountTerm.LENGTH_S] - terms.account[AccountTerm.LATENCY_S]
    for leg in range(len(book.leg)):
        mine, stop = book.leg[leg], book.stop[leg]
        if not market.seen[terms.leg[leg, LegTerm.INSTRUMENT], at]:
            continue
        if mine[LegField.OPEN] != 0 and mine[LegField.DECIDED_AT] <= since and mine[LegField.ARRIVED] < first:
            oldest, stops, first = leg, False, mine[LegField.ARRIVED]
        rests = stop[StopField.RESTS] != 0 and stop[StopField.MET] <= at and stop[StopField.DECIDED_AT] <= since
        if rests and stop[StopField.ARRIVED] < first:
            oldest, stops, first = leg, True, stop[StopField.ARRIVED]
    return oldest, stops


@piece
def _resolve(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Fill an order as far as the open of its bar, the bar's volume and its reservation allow."""
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument, lots, limit = sized[LegTerm.INSTRUMENT], mine[LegField.OPEN], mine[LegField.LIMIT]
    rule, bar = terms.rule[instrument], market.bars[:, instrument, at]
    tick, worth, first = rule[RuleField.TICK], rule[RuleField.WORTH], bar[BarField.OPEN]
    if mine[LegField.DECIDED_AT] + sized[LegTerm.LIFETIME_S] <= market.time[at] - terms.account[AccountTerm.LENGTH_S]:
        return
    beyond = first <= limit - tick if lots > 0 else first >= limit + tick or limit <= tick
    size = min(abs(lots), book.instrument[ROOM, instrument])
    if not beyond or size == 0 or bar[BarField.VOLUME] == 0:
        return
    price = worsened(lots, first, terms.rate[AccountRate.WORSE, 0], terms.rate[AccountRate.WORSE, 1], tick)
    price = min(price, limit) if lots > 0 else max(price, limit)
    fee = _fee(size * price * worth, AccountRate.FEE, terms)
    if terms.account[AccountTerm.SPOT] and lots > 0 and size * price * worth + fee > mine[LegField.RESERVED]:
        size = _paid_for(mine[LegField.RESERVED], price * worth, terms)
        fee = _fee(size * price * worth, AccountRate.FEE, terms)
    if size > 0:
        book.instrument[ROOM, instrument] -= size
        _book(leg, at, size if lots > 0 else -size, price, fee, book, terms)


@piece
def _meet_stop(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Let a stop meet a bar: it fills as far as the volume allows, is a market order from then on, or expires."""
    stop = book.stop[leg]
    stop[StopField.MET] = at + 1
    expires_at = stop[StopField.DECIDED_AT] + RESTS_FOR_S
    over = expires_at <= market.time[at] - terms.account[AccountTerm.LENGTH_S]
    if not over:
        over = expires_at < market.time[at]
        price, makes = _price_of_stop(leg, at, over, book, market, terms)
        if price > 0:
            wanted = stop[StopField.LOTS] - stop[StopField.FILLED]
            size = _fill_stop(leg, at, wanted, price, makes, book, terms)
            over = over or size == wanted
    if over:
        end_stop(leg, book)


@piece
def _price_of_stop(
    leg: int, at: int, opening: bool, book: Book, market: PollTable, terms: Terms
) -> tuple[int, bool]:  # fmt: skip
    """Return the price at which a stop fills, 0 for none, and whether as maker: at its profit.

    The stop comes first. ``opening`` says that only the open of the bar counts.
    """
    stop, instrument = book.stop[leg], terms.leg[leg, LegTerm.INSTRUMENT]
    bar, sign, tick = market.bars[:, instrument, at], stop[StopField.SIGN], terms.rule[instrument, RuleField.TICK]
    first, level, profit = bar[BarField.OPEN], stop[StopField.PRICE], stop[StopField.PROFIT]
    if bar[BarField.VOLUME] == 0:
        return 0, False
    # The prices on the losing and on the winning side of the position.
    losing, winning = first, first
    if not opening:
        losing = market.span[LOW if sign > 0 else HIGH, instrument, at]
        winning = market.span[HIGH if sign > 0 else LOW, instrument, at]
    if stop[StopField.TRIGGERED] == 0:
        if level == 0 or sign * (losing - level) > 0:
            return (profit, True) if profit > 0 and sign * (winning - profit) >= tick else (0, False)
        first = min(level, first) if sign > 0 else max(level, first)
    return worsened(-sign, first, terms.rate[AccountRate.WORSE, 0], terms.rate[AccountRate.WORSE, 1], tick), False


@piece
def _fill_stop(leg: int, at: int, wanted: int, price: int, makes: bool, book: Book, terms: Terms) -> int:
    """Fill a stop as far as the volume of the bar allows, and return by how much."""
    stop, instrument = book.stop[leg], terms.leg[leg, LegTerm.INSTRUMENT]
    size = min(wanted, book.instrument[ROOM, instrument])
    if size > 0:
        rate = AccountRate.MAKER if makes else AccountRate.FEE
        fee = _fee(size * price * terms.rule[instrument, RuleField.WORTH], rate, terms)
        book.instrument[ROOM, instrument] -= size
        _book(leg, at, -stop[StopField.SIGN] * size, price, fee, book, terms)
        stop[StopField.FILLED] += size
        # It is noted anew.
        stop[StopField.WITHDRAWN] = 0
    if size > 0 or not makes:
        stop[StopField.TRIGGERED] = 1
    return size


@piece
def end_stop(leg: int, book: Book) -> None:
    """End a stop at the venue. Of one that filled the leg takes notice; the others are forgotten."""
    stop = book.stop[leg]
    if stop[StopField.RESTS] != 0:
        stop[StopField.RESTS], stop[StopField.ENDED], stop[StopField.WITHDRAWN] = 0, 1, 0
        stop[StopField.NOTED] = stop[StopField.FILLED] > 0
        book.sums[AccountField.RESTING] -= 1


@piece
def _fee(notional: int, rate: int, terms: Terms) -> int:
    return fee_of(notional, terms.rate[rate, 0], terms.rate[rate, 1], terms.account[AccountTerm.STEP])


@piece
def _paid_for(reserved: int, unit: int, terms: Terms) -> int:
    """Return the lots that a reservation pays for, of which each costs ``unit`` and its fee."""
    of, by = terms.rate[AccountRate.FEE, 0], terms.rate[AccountRate.FEE, 1]
    return portion(max(reserved - terms.account[AccountTerm.STEP], 0), by, unit * (by + of))


@piece
def _book(leg: int, at: int, lots: int, price: int, fee: int, book: Book, terms: Terms) -> None:
    worth, step = terms.rule[terms.leg[leg, LegTerm.INSTRUMENT], RuleField.WORTH], terms.account[AccountTerm.STEP]
    paid = lots * price * worth + fee
    write_fill(book.tape, leg, at, lots, price, fee, worth, step)
    book.sums[AccountField.CASH] -= paid
    book.instance[FLOW, terms.leg[leg, LegTerm.INSTANCE]] -= paid
    book.leg[leg, LegField.QUANTITY] += lots
