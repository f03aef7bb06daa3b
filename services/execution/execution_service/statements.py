"""Turn what a real venue states into what the ledger books: trades into fills, an order into a resolution."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from fanfold.ledger.orders import OrderRecord
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import Charge, Fill, Order, OrderState
from fanfold.money import CASH_STEP, ZERO, ceil_to, exact
from fanfold.trading.answers import VenueOrderState, VenueTrade
from fanfold.trading.venue import TradingVenue


def fills_of(venue: TradingVenue, order: Order, trades: Sequence[VenueTrade], base: str, quote: str) -> list[Fill]:
    """Return trades as fills; a fee in a third currency is valued at what that costs at the venue now."""
    others = {charge.currency for trade in trades for charge in trade.charges} - {base, quote}
    prices = {currency: venue.worth(currency, quote) for currency in sorted(others)}
    return [fill_of(order, trade, base, quote, prices) for trade in trades]


@exact
def fill_of(order: Order, trade: VenueTrade, base: str, quote: str, prices: Mapping[str, Decimal | None]) -> Fill:
    """Return a trade as a fill: a fee in the quote is paid in cash, one in the base is taken from the quantity.

    ``prices`` are those of third currencies, None where there is none.
    """
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
        charges=[_valued(charge, prices.get(charge.currency)) for charge in trade.charges],
    )


def _valued(charge: Charge, price: Decimal | None) -> Charge:
    """Return a charge with its worth, rounded up to a step of cash."""
    if price is None:
        return charge
    return msgspec.structs.replace(charge, value=ceil_to(charge.amount * price, CASH_STEP))


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
