"""Laws of the limits of risk: what approvals led to, held against the market's bars and the books they were made on."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product

from fanfold.desk import Limits
from fanfold.ledger.account_books import AccountBooks, StoredPosition
from fanfold.messages import TradingState
from fanfold.money import exact
from fanfold.risk.exposure import PositionKey
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.witness import Approval, NotedFigures

# A mark that is older bars entries; a decision may be under way for so long after it.
WINDOW_S = 240
MINUTE_S = 60
Prices = dict[str, Decimal]


def no_order_is_over_its_limit(outcome: Outcome) -> Iterator[str]:
    """No entry is worth more than the limit of one order."""
    limit = outcome.limits.order_notional_max
    for name, record in outcome.records.items():
        if not record.order.reduce_only and record.order.quantity * record.order.reference_price > limit:
            yield f"order {name} is over {limit}"


def no_position_is_approved_over_its_limit(outcome: Outcome) -> Iterator[str]:
    """No entry is approved that could take a position over its limit."""
    limit = outcome.limits.position_notional_max
    for approval in outcome.witness.approvals:
        for order in approval.entries:
            stakes = [_largest(item) for leg, item in approval.books.positions.items() if leg[1] == order.instrument]
            stake = sum(stakes, Decimal(0)) * order.reference_price
            if stake > limit:
                yield f"order {order.order_id} leads to {stake} of {order.instrument}, over {limit}"


def no_exposure_is_approved_over_its_limit(outcome: Outcome) -> Iterator[str]:
    """No entry is approved that could take gross or net exposure over its limit, at the marks of its decision."""
    limits = outcome.limits
    for approval in outcome.witness.approvals:
        if approval.entries and not any(_within(approval, limits, marks) for marks in _marks(outcome, approval)):
            yield f"orders {[entry.order_id for entry in approval.entries]} lead over the exposure limits"


def no_entry_is_approved_while_a_loss_limit_is_broken(outcome: Outcome) -> Iterator[str]:
    """No entry is approved while daily loss or drawdown is over its limit, from the bar on that took it there."""
    limits = outcome.limits
    for approval in outcome.witness.approvals:
        if not approval.entries:
            continue
        noted = _in_force(outcome, approval.orders[0].decided_at.timestamp())
        if noted and all(_lost(limits, noted, _equity(approval.books, marks)) for marks in _marks(outcome, approval)):
            yield f"orders {[entry.order_id for entry in approval.entries]} were approved while a loss limit was broken"


def a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it(outcome: Outcome) -> Iterator[str]:
    """The poll of the bar that breaks a loss limit notes it, and cancels the entries that rest."""
    assert outcome.books.account is not None
    noted, market = outcome.witness.noted, outcome.world.market
    if not noted:
        return
    marks = {name: market.close(name, outcome.world.now) for name in outcome.world.market.bars}
    lost = _lost(outcome.limits, noted[-1:], _equity(outcome.books, marks))
    if lost != bool(outcome.books.account.breach):
        yield f"a limit is broken: {lost}, and noted is {outcome.books.account.breach!r}"
    if lost and outcome.books.account.trading_state is TradingState.ACTIVE:
        live = [record.order.order_id for record in outcome.live if not record.order.reduce_only]
        yield from (f"entry {order_id} is live while a loss limit is broken" for order_id in live)


def _marks(outcome: Outcome, approval: Approval) -> Iterator[Prices]:
    """The marks that a decision may have been made at: those of its orders are known."""
    known = {order.instrument: [order.reference_price] for order in approval.orders}
    until = approval.orders[0].decided_at.timestamp()
    moments = [until - seconds for seconds in range(0, WINDOW_S + 1, MINUTE_S)]
    market = outcome.world.market
    closes = {name: known.get(name) or [market.close(name, at) for at in moments] for name in market.bars}
    for prices in product(*closes.values()):
        yield dict(zip(closes, prices, strict=True))


@exact
def _within(approval: Approval, limits: Limits, marks: Prices) -> bool:
    held, equity = approval.books.positions, _equity(approval.books, marks)
    gross = sum((_largest(item) * marks[leg[1]] for leg, item in held.items()), Decimal(0))
    most = sum((max(_ends(item)) * marks[leg[1]] for leg, item in held.items()), Decimal(0))
    least = sum((min(_ends(item)) * marks[leg[1]] for leg, item in held.items()), Decimal(0))
    sides = {order.side for order in approval.entries}
    bought = "buy" not in sides or most <= limits.net_max * equity
    sold = "sell" not in sides or -least <= limits.net_max * equity
    return gross <= limits.gross_max * equity and bought and sold


@exact
def _equity(books: AccountBooks, marks: Prices) -> Decimal:
    assert books.account is not None
    held: dict[PositionKey, StoredPosition] = books.positions
    return books.account.cash + sum((item.position.quantity * marks[leg[1]] for leg, item in held.items()), Decimal(0))


def _in_force(outcome: Outcome, at: float) -> list[NotedFigures]:
    """Notes in force when a decision at this time may have begun, or since."""
    noted = [note for note in outcome.witness.noted if note.at <= at]
    older = [note for note in noted if note.at < at - WINDOW_S][-1:]
    return older + [note for note in noted if note.at >= at - WINDOW_S]


@exact
def _lost(limits: Limits, noted: Sequence[NotedFigures], equity: Decimal) -> bool:
    """Compare equity with the limits, by the least peak and start of day that were in force."""
    peak = max(min(note.peak for note in noted), equity)
    start = min(note.day_start for note in noted)
    return start - equity > limits.daily_loss_max * start or peak - equity > limits.drawdown_max * peak


def _ends(item: StoredPosition) -> tuple[Decimal, Decimal]:
    """The least and the most signed quantity that live orders can lead to."""
    return item.exposure.lowest, item.exposure.highest


def _largest(item: StoredPosition) -> Decimal:
    return max(map(abs, _ends(item)))
