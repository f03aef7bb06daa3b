"""Research's parts, built on first use."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from fanfold.aws.clock import clock_of
from fanfold.aws.function.runtime import CallSettings, connected, read
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.research.on_aws.submission import BatchItem
from fanfold.research.on_aws.sweep_store import SweepStore
from fanfold.strategy import folder
from research_service.settings import Settings
from research_service.trade import BatchTrader


@cache
def watch() -> Telemetry:
    return Telemetry(os.environ, clock_of("wall"))


@cache
def trader() -> BatchTrader:
    """Return what trades batches, as the environment describes it."""
    settings = read(Settings, os.environ)
    folder.use(Path(settings.strategies) if settings.strategies else None)
    call = watch().tracing.traced(connected(read(CallSettings, os.environ), os.environ))
    return BatchTrader(SweepStore(call, settings.lake_bucket))


def trade(event: dict[str, Any]) -> dict[str, object]:
    return trader().trade(msgspec.convert(event, BatchItem))


def run_task() -> None:
    """Trade the batch of the variable ITEM, as the entry point of a container task."""
    item = msgspec.json.decode(os.environ["ITEM"], type=BatchItem)
    with watch().invocation(None):
        trader().trade(item)
