"""Which verb takes which message of risk's queue."""

from fanfold.messages import BarsClosed, ExecutionReport, Message, Targets

ROUTES: dict[type[Message], str] = {
    BarsClosed: "mark",
    Targets: "target",
    ExecutionReport: "settle",
}
