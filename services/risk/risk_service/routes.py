"""The verb of risk for each message of its queue."""

from fanfold.messages import BarsClosed, ExecutionReport, Message, Targets

ROUTES: dict[type[Message], str] = {
    BarsClosed: "on_bars",
    Targets: "on_targets",
    ExecutionReport: "on_matched",
}
