"""The verb of execution for each message of its queue."""

from fanfold.messages import BarsClosed, Message, OrdersApproved, TradingStateChanged

ROUTES: dict[type[Message], str] = {
    OrdersApproved: "place",
    BarsClosed: "match",
    TradingStateChanged: "on_trading_state",
}
