"""Turn what a real venue states into what the ledger books: trades into fills, an order into a resolution."""

from collections.abc import Sequence

from fanfold.ledger.orders import OrderRecord
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import Fill, Order, OrderState
from fanfold.money import ZERO, exact
from fanfold.trading.answers import VenueOrderState, VenueTrade


@exact
def fill_of(order: Order, trade: VenueTrade, base: str, quote: str) -> Fill:
    """Return a trade as a fill: a fee in the quote is paid in cash, one in the base is taken from the quantity."""
    charged = {charge.currency: ZERO for charge in trade.charges}
    for charge in trade.charges:
        charged[charge.currency] += charge.amount
    return Fill(
        trade_id=trade.trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        venue=order.venue,
        instance=order.instance,
        instrument=order.instrument,
        side=order.side,
        price=trade.price,
        quantity=trade.quantity,
        fee=charged.get(quote, ZERO),
        liquidity=trade.liquidity,
        at=trade.at,
        fee_base=charged.get(base, ZERO),
        charges=list(trade.charges),
    )


def resolution(
    record: OrderRecord,
    venue_order_id: str,
    fills: Sequence[Fill] = (),
    state: OrderState = OrderState.OPEN,
    reason: str = "",
) -> Resolution:
    """Return a step of an order at its venue; by a ``state`` that is no end it is acknowledged and filled alone."""
    resting = RestingOrder(order=record.order, filled=record.filled, reason=reason)
    return Resolution(resting=resting, state=state, fills=tuple(fills), venue_order_id=venue_order_id)


def ended(state: VenueOrderState) -> OrderState:
    """Return how an order ended that its venue states as ended.

    FILLED is so by its fills alone. One that the venue had and threw out was at the venue, so it is not REJECTED.
    """
    return {
        VenueOrderState.OPEN: OrderState.OPEN,
        VenueOrderState.FILLED: OrderState.FILLED,
        VenueOrderState.EXPIRED: OrderState.EXPIRED,
    }.get(state, OrderState.CANCELED)
