"""Which verb takes which message of signal's queue."""

from fanfold.messages import BarsClosed, Message

ROUTES: dict[type[Message], str] = {
    BarsClosed: "fold",
}
