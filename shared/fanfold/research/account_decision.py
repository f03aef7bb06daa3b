"""Decisions of an account at the closes of a time, in compiled code: each leg's order, its judgement, what stands.

As ``risk.decision`` does it live.
"""

from math import inf

from fanfold.research.account_book import (
    NOTHING,
    SIZED,
    WORTH,
    AccountField,
    AccountTerm,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    Terms,
    Wanted,
)
from fanfold.research.account_rules import (
    BAD_TARGET,
    MISSING_DATA,
    OVERTAKES,
    PASSES,
    bars_entries,
    judge,
    judge_bundle,
    reduces,
)
from fanfold.research.account_sizing import (
    ON_TARGET,
    ORDERED,
    REFUSED,
    UNTOLD,
    affordable,
    change,
    standing_lots,
)
from fanfold.research.tape import oppose, piece

REDUCTIONS, BUNDLES_THAT_REDUCE, ENTRIES = 0, 1, 2


@piece
def propose(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> int:
    """Work out the order of each leg that has a target; return a leg whose quantity has to be told, else -1."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        mine[LegField.OUTCOME], mine[LegField.REDUCES], mine[LegField.REFUSAL] = ON_TARGET, 0, 0
        if mine[LegField.STATE] == NOTHING:
            continue
        if not _propose_leg(leg, at, book, market, terms, wanted):
            return leg
    return -1


@piece
def _propose_leg(leg: int, at: int, book: Book, market: PollTable, terms: Terms,
                 wanted: Wanted) -> bool:  # fmt: skip
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument, weight, held = sized[LegTerm.INSTRUMENT], book.weight[leg], mine[LegField.QUANTITY]
    price = market.bars[BarField.CLOSE, instrument, at]
    code = _unsizeable(leg, at, weight, price, market, terms)
    if code != 0:
        mine[LegField.OUTCOME], mine[LegField.REFUSAL] = REFUSED, code
        return True
    lots = standing_lots(leg, at, price, book, market, terms, wanted)
    if lots == UNTOLD:
        return False
    # The far side of a flip may be closed to us; to stay where we are because of it would be the worst of the three.
    if oppose(lots, held) and (terms.account[AccountTerm.SPOT] or bars_entries(book, terms)):
        lots = 0
    mine[LegField.PROPOSED] = lots
    outcome, missing = change(lots, leg, book.instance[WORTH, sized[LegTerm.INSTANCE]], price, book, terms)
    mine[LegField.OUTCOME] = outcome
    if outcome == ORDERED:
        mine[LegField.ORDER] = affordable(missing, price, instrument, book, terms)
        mine[LegField.REDUCES] = reduces(held, mine[LegField.OPEN], mine[LegField.ORDER])
    return True


@piece
def _unsizeable(leg: int, at: int, weight: float, price: int, market: PollTable, terms: Terms) -> int:
    """Return the number of the code for which a target cannot be sized, or 0."""
    if not -1.0 <= weight <= 1.0:
        return BAD_TARGET
    if price <= 0:
        return MISSING_DATA
    if weight != 0.0 and terms.volatility[leg] != 0.0:
        return 0 if 0.0 < market.variance[at, terms.leg[leg, LegTerm.INSTRUMENT]] < inf else MISSING_DATA
    return 0


@piece
def judge_all(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Judge reductions, then entries; the orders of a bundle that adds to a position at the place of the first."""
    for turn in (REDUCTIONS, BUNDLES_THAT_REDUCE, ENTRIES):
        for leg in range(len(book.leg)):
            if book.leg[leg, LegField.OUTCOME] == ORDERED and book.leg[leg, LegField.JUDGED] <= at:
                _judge_in_turn(turn, leg, at, book, market, terms)


@piece
def _judge_in_turn(turn: int, leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    mine, bundle = book.leg[leg], terms.leg[leg, LegTerm.BUNDLE]
    adding = bundle >= 0 and _adds(bundle, book, terms)
    its_turn = ENTRIES
    if mine[LegField.REDUCES] != 0:
        its_turn = BUNDLES_THAT_REDUCE if adding else REDUCTIONS
    if turn != its_turn:
        return
    if adding:
        _mark(bundle, at, book, terms)
        judge_bundle(bundle, at, book, market, terms)
        return
    mine[LegField.JUDGED] = at + 1
    mine[LegField.REFUSAL] = judge(leg, at, book, market, terms)
    if mine[LegField.REFUSAL] != 0:
        mine[LegField.OUTCOME] = REFUSED


@piece
def _adds(bundle: int, book: Book, terms: Terms) -> bool:
    """Return whether any order of a bundle adds to a position."""
    for leg in range(len(book.leg)):
        adds = book.leg[leg, LegField.OUTCOME] == ORDERED and book.leg[leg, LegField.REDUCES] == 0
        if terms.leg[leg, LegTerm.BUNDLE] == bundle and adds:
            return True
    return False


@piece
def _mark(bundle: int, at: int, book: Book, terms: Terms) -> None:
    """Note that the orders of a bundle are judged."""
    for leg in range(len(book.leg)):
        if terms.leg[leg, LegTerm.BUNDLE] == bundle:
            book.leg[leg, LegField.JUDGED] = at + 1


@piece
def remain(at: int, book: Book) -> None:
    """Keep the targets that still stand, and write the refusals whose reason is new."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        if mine[LegField.STATE] == NOTHING:
            continue
        code = mine[LegField.REFUSAL]
        if mine[LegField.OUTCOME] == REFUSED:
            if code != mine[LegField.CODE]:
                _write(at, leg, code, book)
            stands = PASSES[code] or (book.weight[leg] == 0.0 and not OVERTAKES[code])
        else:
            stands = mine[LegField.OUTCOME] == ORDERED or mine[LegField.OPEN] != 0
        if not stands:
            mine[LegField.STATE] = NOTHING
        elif code not in (BAD_TARGET, MISSING_DATA):
            mine[LegField.STATE], mine[LegField.TARGET] = SIZED, mine[LegField.PROPOSED]
        mine[LegField.CODE] = code


@piece
def _write(at: int, leg: int, code: int, book: Book) -> None:
    row = book.refused[book.sums[AccountField.REFUSALS]]
    row[0], row[1], row[2] = at, leg, code
    book.sums[AccountField.REFUSALS] += 1
