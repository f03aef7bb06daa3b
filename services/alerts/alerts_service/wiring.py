"""The parts of alerts, built on first use."""

import os
from functools import cache

from alerts_service.settings import Settings
from fanfold.alerts.alarms import read_event
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, SqsConsumer


@cache
def runtime() -> Runtime:
    return described(os.environ)


@cache
def edge() -> SqsConsumer:
    """Return the consumer of the queue, which holds alarms beside the messages of topics."""
    return runtime().edge._replace(read=read_event)


class AlertsProcess:
    """The parts of one process."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self._settings = settings

    def notify(self, arrived: Arrived) -> None:
        self.runtime.watch.log.info("an event arrived", kind=type(arrived.message).__name__)


def build(runtime: Runtime, settings: Settings) -> AlertsProcess:
    """Build a process: two of them share nothing but the AWS resources that they call."""
    return AlertsProcess(runtime, settings)


@cache
def process() -> AlertsProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
