"""Market-data's parts, built on first use."""

import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as build
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.errors import BadInput
from fanfold.market.source import Source
from fanfold.venues.replay import ReplayVenue
from market_data_service.poll import Poller, Span
from market_data_service.routes import ROUTES
from market_data_service.settings import Settings


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def source(venue: str) -> Source:
    """Where the bars of a venue come from: recordings, or an exchange."""
    found = runtime().desk.venues[venue]
    if found.kind == "replay":
        return ReplayVenue(Path(settings().recordings))
    # An image that only replays never loads ccxt.
    from fanfold.venues.ccxt.venue import ExchangeVenue  # noqa: PLC0415

    return ExchangeVenue.connect(found, runtime().desk.instruments, settings().venue_origin)


@cache
def poller() -> Poller:
    topics = Topics(runtime().call, {"bars": settings().bars_topic}, runtime().watch.published)
    cursors = CursorTable(runtime().table(settings().cursors_table))
    return Poller(runtime().desk, source, cursors, topics, runtime().clock)


def serve(arrived: Arrived) -> None:
    getattr(poller(), verb_of(ROUTES, arrived.message))(arrived.message)


def scheduled(event: dict[str, Any]) -> datetime | None:
    """The time that a schedule was due; a poll by hand names none."""
    try:
        return msgspec.convert(event.get("time"), datetime | None)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the event's `time`: {wrong}") from wrong


def back_fill(event: dict[str, Any]) -> dict[str, Any]:
    """What is left of the span in an event; raises BadInput for what is no span."""
    try:
        span = msgspec.convert(event, Span)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the span to fill: {wrong}") from wrong
    left = poller().back_fill(span)
    answer: dict[str, Any] = msgspec.to_builtins(left) | {"done": left.done}
    return answer
