"""Which verb takes which message of market-data's queue."""

from fanfold.messages import BarsRequested, Message

ROUTES: dict[type[Message], str] = {
    BarsRequested: "on_bars_requested",
}
