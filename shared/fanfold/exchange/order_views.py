"""Orders, trades and balances of the account as Binance tells them."""

from collections.abc import Iterable
from typing import Any

from fanfold import money
from fanfold.exchange.refusals import text8
from fanfold.exchange.spot import OWNER, OwnTrade, PlacedOrder, SpotExchange
from fanfold.matching.order_book import BookOrder
from fanfold.matching.wallets import DISCOUNTED, FeeRates
from fanfold.money import ZERO

# The coin of the exchange itself, in which an account may pay its fees.
FEE_COIN = "BNB"


def status(order: BookOrder) -> str:
    return order.status.upper()


def _figures(placed: PlacedOrder, order: BookOrder) -> dict[str, Any]:
    """Return what all documents of an order have."""
    stop = {"stopPrice": text8(order.trigger.price)} if order.trigger is not None else {}
    reason = {"expiryReason": placed.expiry_reason} if placed.expiry_reason else {}
    prevented = {"preventedQuantity": text8(order.prevented), "preventedMatchId": 0} if order.prevented else {}
    return {
        "price": text8(order.limit or ZERO),
        "origQty": text8(order.quantity),
        "executedQty": text8(order.filled),
        "origQuoteOrderQty": text8(placed.quote_quantity),
        "cummulativeQuoteQty": text8(order.quote_filled),
        "status": status(order),
        "timeInForce": order.time_in_force.upper(),
        "type": placed.type,
        "side": order.side.upper(),
        **stop,
        **reason,
        **prevented,
        **dict(placed.labels),
        "selfTradePreventionMode": order.prevention.upper(),
    }


def _names(placed: PlacedOrder) -> dict[str, Any]:
    order = placed.order
    return {
        "symbol": placed.listing.symbol,
        "orderId": order.order_id,
        "orderListId": -1 if order.pair is None else order.pair,
    }


def queried(placed: PlacedOrder, now_ms: int) -> dict[str, Any]:
    """Return an order as a query finds it."""
    order = placed.seen(now_ms)
    return {
        **_names(placed),
        "clientOrderId": placed.client_order_id,
        "stopPrice": text8(ZERO),
        "icebergQty": text8(ZERO),
        **_figures(placed, order),
        "time": placed.placed_at_ms,
        "updateTime": placed.updated_at_ms,
        "isWorking": not order.waiting,
        "workingTime": placed.working_at_ms,
    }


def placed(order: PlacedOrder, trades: Iterable[OwnTrade], respond: str) -> dict[str, Any]:
    """Return the answer to a new order: ACK, RESULT or FULL."""
    document = {**_names(order), "clientOrderId": order.client_order_id, "transactTime": order.updated_at_ms}
    if respond == "ACK":
        return document
    document |= _figures(order, order.order) | {"workingTime": order.working_at_ms}
    if respond == "FULL":
        document["fills"] = [
            {
                "price": text8(own.trade.price),
                "qty": text8(own.trade.quantity),
                "commission": text8(own.fee.amount),
                "commissionAsset": own.fee.asset,
                "tradeId": own.trade.trade_id,
            }
            for own in trades
            if own.placed is order
        ]
    return document


def canceled(order: PlacedOrder, cancel_id: str, now_ms: int) -> dict[str, Any]:
    """Return the answer to a cancel."""
    figures = _figures(order, order.seen(now_ms)) | {"status": status(order.order)}
    return {
        **_names(order),
        "origClientOrderId": order.client_order_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_at_ms,
        **figures,
    }


def order_list(orders: list[PlacedOrder], reports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return an OCO, with the reports of its orders where there are any."""
    live = any(leg.order.is_live for leg in orders)
    symbol = orders[0].listing.symbol
    document: dict[str, Any] = {
        "orderListId": orders[0].order.pair,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if live else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if live else "ALL_DONE",
        "listClientOrderId": orders[0].list_client_id,
        "transactionTime": max(leg.updated_at_ms for leg in orders),
        "symbol": symbol,
        "orders": [
            {"symbol": symbol, "orderId": leg.order.order_id, "clientOrderId": leg.client_order_id} for leg in orders
        ],
    }
    return document if reports is None else document | {"orderReports": reports}


def own_trade(own: OwnTrade) -> dict[str, Any]:
    """Return a trade of the account."""
    return {
        **_names(own.placed),
        "id": own.trade.trade_id,
        "price": text8(own.trade.price),
        "qty": text8(own.trade.quantity),
        "quoteQty": text8(money.EXACT.multiply(own.trade.price, own.trade.quantity)),
        "commission": text8(own.fee.amount),
        "commissionAsset": own.fee.asset,
        "time": own.trade.at_ms,
        "isBuyer": own.placed.order.side == "buy",
        "isMaker": own.is_maker,
        "isBestMatch": True,
    }


def balances(exchange: SpotExchange) -> list[dict[str, str]]:
    """Return the account's balances; assets that the exchange lists and the account lacks are zeros."""
    assets = {name for listing in exchange.listings.values() for name in (listing.base, listing.quote)}
    names = sorted(assets | set(exchange.wallets.balances(OWNER)))
    rows = [(name, exchange.wallets.balance(OWNER, name)) for name in names]
    return [{"asset": name, "free": text8(balance.free), "locked": text8(balance.locked)} for name, balance in rows]


def _rates(rates: FeeRates) -> dict[str, str]:
    shares = {"maker": rates.maker_bps, "taker": rates.taker_bps, "buyer": ZERO, "seller": ZERO}
    return {name: text8(share.scaleb(-4)) for name, share in shares.items()}


def commissions(exchange: SpotExchange, symbol: str) -> dict[str, Any]:
    """Return the commissions of a symbol: the standard ones, and by how much less are paid in the exchange's coin."""
    rates, discounted = exchange.rates, bool(exchange.fee_coin)
    return {
        "symbol": symbol,
        "standardCommission": _rates(rates),
        **dict.fromkeys(("specialCommission", "taxCommission"), _rates(FeeRates())),
        "discount": {
            "enabledForAccount": discounted, "enabledForSymbol": discounted, "discountAsset": FEE_COIN,
            "discount": text8(DISCOUNTED if discounted else ZERO),
        },
    }  # fmt: skip


def account(exchange: SpotExchange, now_ms: int, *, omit_zero: bool) -> dict[str, Any]:
    """Return the account with its fees and balances. Its key may trade and read, and not withdraw."""
    rows = balances(exchange)
    maker, taker = exchange.rates.maker_bps, exchange.rates.taker_bps
    return {
        "makerCommission": int(maker),
        "takerCommission": int(taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(exchange.rates),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [
            row for row in rows if not omit_zero or row["free"] != row["locked"] or row["free"] != text8(ZERO)
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }
