"""The verb of market-data for each message of its queue."""

from fanfold.messages import BarsRequested, Message

ROUTES: dict[type[Message], str] = {
    BarsRequested: "on_bars_requested",
}
