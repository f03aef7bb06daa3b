"""Which verb takes which message of execution's queue."""

from fanfold.messages import BarsClosed, Message, OrdersApproved, TradingStateChanged

ROUTES: dict[type[Message], str] = {
    OrdersApproved: "place",
    BarsClosed: "match",
    TradingStateChanged: "govern",
}
