"""Market-data's parts, built on first use."""

import os
from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.errors import BadInput
from fanfold.market.source import Source
from fanfold.venues.replay import ReplayVenue
from market_data_service.gaps import Span
from market_data_service.poll import Poller
from market_data_service.routes import ROUTES
from market_data_service.settings import Settings


@cache
def runtime() -> Runtime:
    return described(os.environ)


class MarketDataProcess:
    """The parts of one process, the heavy ones built on first use."""

    def __init__(self, runtime: Runtime, settings: Settings, connect: Callable[[str], Source] | None = None) -> None:
        """Use ``connect``, which returns the source of a venue's bars, in place of its recordings or its exchange."""
        self.runtime = runtime
        self._settings = settings
        self._connect = connect or self._connected
        self._sources: dict[str, Source] = {}

    def source(self, venue: str) -> Source:
        """Return the source of a venue's bars: recordings, or an exchange."""
        if venue not in self._sources:
            self._sources[venue] = self._connect(venue)
        return self._sources[venue]

    def _connected(self, venue: str) -> Source:
        profile = self.runtime.desk.venues[venue]
        if profile.kind == "replay":
            return ReplayVenue(Path(self._settings.recordings))
        # An image that only replays never loads ccxt.
        from fanfold.venues.ccxt.venue import ExchangeVenue  # noqa: PLC0415

        runtime = self.runtime
        origin = self._settings.venue_origin
        return ExchangeVenue.connect(profile, runtime.desk.instruments, origin, runtime.clock, runtime.sleep)

    @cached_property
    def poller(self) -> Poller:
        runtime = self.runtime
        topics = Topics(runtime.call, {"bars": self._settings.bars_topic}, runtime.watch.published)
        cursors = CursorTable(runtime.table(self._settings.cursors_table))
        return Poller(runtime.desk, self.source, cursors, topics, runtime.clock)

    def serve(self, arrived: Arrived) -> None:
        getattr(self.poller, verb_of(ROUTES, arrived.message))(arrived.message)


def build(runtime: Runtime, settings: Settings, connect: Callable[[str], Source] | None = None) -> MarketDataProcess:
    """Build a process: two of them share nothing but the AWS resources that they call."""
    return MarketDataProcess(runtime, settings, connect)


@cache
def process() -> MarketDataProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))


def scheduled(event: dict[str, Any]) -> datetime | None:
    """Return the time that a schedule was due; an event of a manual poll has none."""
    try:
        return msgspec.convert(event.get("time"), datetime | None)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the event's `time`: {wrong}") from wrong


def back_fill(event: dict[str, Any]) -> dict[str, Any]:
    """Return the rest of the span in an event. Raises BadInput for an invalid span."""
    try:
        span = msgspec.convert(event, Span)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the span to fill: {wrong}") from wrong
    left = process().poller.back_fill(span)
    answer: dict[str, Any] = msgspec.to_builtins(left) | {"done": left.done}
    return answer
