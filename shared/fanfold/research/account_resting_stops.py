"""The stops of an account that rest at the paper venue, in compiled code, as ``risk.resting_stops`` keeps them."""

from typing import NamedTuple

from fanfold.ledger.approvals import ORDER_CHANGES, OTHER_CHANGES
from fanfold.research.account_book import (
    NOTHING,
    AccountField,
    AccountTerm,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    StopField,
    Terms,
    Wanted,
)
from fanfold.research.account_matching import end_stop
from fanfold.research.account_protection import cost_of_open
from fanfold.research.account_sizing import ORDERED, too_small
from fanfold.research.tape import is_less, piece, share_of
from fanfold.risk.resting_stops import STEPS
from fanfold.simulation.ledger_store import CHANGES_MAX

# As many stops as one approval takes are placed, and as many noted, after a decision.
STOPS_MAX = (CHANGES_MAX - OTHER_CHANGES) // ORDER_CHANGES


class Successor(NamedTuple):
    """The stop that is to rest for a leg: the sign of its position, its lots, 0 for no stop, and its prices."""

    sign: int
    lots: int
    level: int
    profit: int


@piece
def keep_stops(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> None:
    """Note which stops are withdrawn or forgotten, end those that orders replace, and place those that are missing."""
    noted, placed, sums = 0, 0, book.sums
    most = min(STOPS_MAX, terms.account[AccountTerm.ORDERS_A_MINUTE] - sums[AccountField.ORDERS])
    for leg in range(len(book.leg)):
        there = book.stop[leg, StopField.NOTED] != 0
        if not there and book.leg[leg, LegField.GUARD] < 0:
            continue
        successor = _successor(leg, at, book, market, terms, wanted)
        if there and noted < STOPS_MAX:
            noted += _note(leg, successor, book)
        elif not there and successor.lots > 0 and placed < most:
            _place(leg, market.time[at], successor, book)
            placed += 1
    sums[AccountField.ORDERS] += placed
    for leg in range(len(book.leg)):
        mine, stop = book.leg[leg], book.stop[leg]
        replaced = mine[LegField.OUTCOME] == ORDERED and mine[LegField.ORDER] * stop[StopField.SIGN] < 0
        # One that was placed just now closes what the order leaves.
        if replaced and stop[StopField.DECIDED_AT] < market.time[at]:
            end_stop(leg, book)


@piece
def _note(leg: int, successor: Successor, book: Book) -> int:
    """Note a leg's stop as withdrawn, or forget it; return how many changes that is."""
    stop, mine = book.stop[leg], book.leg[leg]
    if stop[StopField.ENDED] != 0:
        forgotten = mine[LegField.GUARD] < 0 or mine[LegField.OUT] != 0
        stop[StopField.NOTED] = not forgotten
        return 1 if forgotten else 0
    goes = stop[StopField.WITHDRAWN] == 0 and _outdated(leg, successor, book) and not _is_replaced(leg, book)
    if goes:
        stop[StopField.WITHDRAWN] = 1
    return 1 if goes else 0


@piece
def _outdated(leg: int, successor: Successor, book: Book) -> bool:
    """Return whether a stop is to go: it closes what is not held or not protected, or another can take its place."""
    stop, mine = book.stop[leg], book.leg[leg]
    if mine[LegField.GUARD] < 0 or stop[StopField.LOTS] > stop[StopField.SIGN] * mine[LegField.QUANTITY]:
        return True
    if successor.lots == 0:
        return False
    if _far(stop[StopField.PRICE], successor.level) or stop[StopField.LOTS] != successor.lots:
        return True
    return stop[StopField.PROFIT] > 0 and _far(stop[StopField.PROFIT], successor.profit)


@piece
def _far(price: int, wanted: int) -> bool:
    return price != wanted and abs(price - wanted) * STEPS >= wanted


@piece
def _is_replaced(leg: int, book: Book) -> bool:
    """Return whether an order is on its way that replaces a stop, which rests until then."""
    sign, mine = book.stop[leg, StopField.SIGN], book.leg[leg]
    closes = sign * mine[LegField.OPEN] < 0
    if closes and book.stop[leg, StopField.LOTS] > sign * _least(mine[LegField.QUANTITY], mine[LegField.OPEN]):
        return True
    exits: bool = mine[LegField.STATE] != NOTHING and book.weight[leg] == 0.0 and sign * mine[LegField.QUANTITY] > 0
    return exits


@piece
def _least(quantity: int, live: int) -> int:
    """Return the signed lots that are left however a live order fills, 0 where it may close them."""
    if quantity > 0:
        return max(min(quantity, quantity + live), 0)
    return min(max(quantity, quantity + live), 0)


@piece
def _successor(leg: int, at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> Successor:
    """Return the stop that is to rest for a leg, of no lots where it has no position to protect, or one too small."""
    mine, instrument = book.leg[leg], terms.leg[leg, LegTerm.INSTRUMENT]
    quantity, mark = mine[LegField.QUANTITY], market.bars[BarField.CLOSE, instrument, at]
    sign, left = 1 if quantity > 0 else -1, abs(_least(quantity, mine[LegField.OPEN]))
    none = Successor(sign, 0, 0, 0)
    if mine[LegField.OUT] != 0 or mine[LegField.GUARD] < 0 or left == 0 or mark <= 0:
        return none
    tick = terms.rule[instrument, RuleField.TICK]
    level, profit = _level(leg, sign, tick, book, wanted), _profit(leg, sign, tick, book, wanted)
    price = level if level > 0 else profit
    most = terms.rule[instrument, RuleField.LOTS_MAX]
    lots = min(left, most) if most > 0 else left
    if price <= 0 or too_small(quantity, instrument, price, terms) or too_small(lots, instrument, price, terms):
        return none
    # At a level that the price has reached, risk closes the position itself.
    if level > 0 and sign * (mark - level) <= 0:
        return none
    return Successor(sign, lots, level, profit)


@piece
def _level(leg: int, sign: int, tick: int, book: Book, wanted: Wanted) -> int:
    """Return the price at which a position is closed, on a tick that is no further; 0 where it has no stop or trail."""
    mine = book.leg[leg]
    shares, cost, lots = wanted.shares[mine[LegField.GUARD]], cost_of_open(leg, book), abs(mine[LegField.QUANTITY])
    best, by = mine[LegField.BEST], mine[LegField.BEST_BY]
    if best == 0 or _is_worse(sign, best, by, cost, lots):
        best, by = cost, lots
    level = _away(cost, lots, sign, -shares[0], shares[1], tick) if shares[0] > 0 else 0
    if shares[4] > 0:
        trail = _away(best, by, sign, -shares[4], shares[5], tick)
        level = trail if level == 0 or sign * (trail - level) > 0 else level
    return level


@piece
def _is_worse(sign: int, best: int, by: int, cost: int, lots: int) -> bool:
    """Return whether a price, as a cost over lots, is on the losing side of another."""
    return is_less(best, by, cost, lots) if sign > 0 else is_less(cost, lots, best, by)


@piece
def _profit(leg: int, sign: int, tick: int, book: Book, wanted: Wanted) -> int:
    """Return the price at which a position takes its profit, on a tick that is no nearer; 0 where it has none."""
    mine = book.leg[leg]
    shares = wanted.shares[mine[LegField.GUARD]]
    if shares[2] == 0:
        return 0
    lots = abs(mine[LegField.QUANTITY])
    return max(_away(cost_of_open(leg, book), lots, sign, shares[2], shares[3], tick), 0)


@piece
def _away(cost: int, lots: int, sign: int, of: int, by: int, tick: int) -> int:
    """Return a price a share to the winning side of a cost, rounded to a tick: up for a long position, else down."""
    unit, part = lots * tick, by + sign * of
    # To round twice the same way is to round once.
    return -(share_of(-cost, part, by) // unit) * tick if sign > 0 else share_of(cost, part, by) // unit * tick


@piece
def _place(leg: int, now: int, successor: Successor, book: Book) -> None:
    stop, sums = book.stop[leg], book.sums
    stop[StopField.NOTED], stop[StopField.RESTS], stop[StopField.SIGN] = 1, 1, successor.sign
    stop[StopField.LOTS], stop[StopField.PRICE], stop[StopField.PROFIT] = (
        successor.lots,
        successor.level,
        successor.profit,
    )
    stop[StopField.FILLED], stop[StopField.ENDED], stop[StopField.WITHDRAWN], stop[StopField.TRIGGERED] = 0, 0, 0, 0
    stop[StopField.DECIDED_AT], stop[StopField.ARRIVED] = now, sums[AccountField.ARRIVALS]
    sums[AccountField.ARRIVALS] += 1
    sums[AccountField.RESTING] += 1
