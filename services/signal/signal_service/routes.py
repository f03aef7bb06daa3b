"""The verb of signal for each message of its queue."""

from fanfold.messages import BarsClosed, Message

ROUTES: dict[type[Message], str] = {
    BarsClosed: "fold",
}
