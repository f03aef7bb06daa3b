"""Which verb takes which message of risk's queue."""

from fanfold.messages import BarsClosed, ExecutionReport, Message, Targets

ROUTES: dict[type[Message], str] = {
    BarsClosed: "on_bars",
    Targets: "on_targets",
    ExecutionReport: "on_matched",
}
