"""Audit's parts, built on first use; pyarrow is loaded where the lake is written, and nowhere else."""

import os
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from audit_service.record import Arrival
from audit_service.record import record as write_down
from audit_service.settings import Settings
from fanfold.audit.ports import Lake, Reports, Seals, Signer
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as build
from fanfold.aws.function.sqs import Arrived
from fanfold.aws.s3.audit_log import S3Log
from fanfold.errors import BadInput


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def log() -> S3Log:
    return S3Log(runtime().call, settings().audit_bucket)


@cache
def views() -> DynamoViews:
    return DynamoViews(runtime().call, settings().views_table)


@cache
def lake() -> Lake:
    from fanfold.aws.s3.lake import S3Lake  # noqa: PLC0415

    return S3Lake(runtime().call, settings().lake_bucket)


@cache
def seals() -> Seals:
    from fanfold.aws.s3.seals import S3Seals  # noqa: PLC0415

    return S3Seals(runtime().call, settings().audit_bucket)


@cache
def signer() -> Signer | None:
    """Return the signer of closed days; None in a stage without a key."""
    from fanfold.aws.s3.seals import KmsSigner  # noqa: PLC0415

    key = settings().seal_key
    return KmsSigner(runtime().call, key) if key else None


@cache
def reports() -> Reports:
    from fanfold.aws.s3.reports import S3Reports  # noqa: PLC0415

    return S3Reports(runtime().call, settings().lake_bucket)


def record_all(arrived: list[Arrived]) -> None:
    arrivals = [Arrival(message.message, msgspec.json.decode(message.body), message.sent_ms) for message in arrived]
    write_down(arrivals, log(), views(), runtime().backoff)


def flush_all() -> int:
    from audit_service.flush import flush  # noqa: PLC0415

    return flush(log(), lake(), views(), views().heads())


def compact_all() -> int:
    from audit_service.compact import compact  # noqa: PLC0415

    return compact(lake(), views(), before=runtime().clock().date().isoformat())


def agenda_of(event: dict[str, Any]) -> dict[str, Any]:
    """What there is to do for the close of an event; raises BadInput where it names no ``time``."""
    from audit_service.agenda import agenda  # noqa: PLC0415

    try:
        scheduled = msgspec.convert(event.get("time"), datetime)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"a close needs the `time` that it was scheduled for: {wrong}") from wrong
    return _told(agenda(scheduled, log(), reports(), seals(), runtime().desk.accounts))


def verify_stream(stream: str, day: str) -> dict[str, Any]:
    """A chain, from where the newest closed report of an earlier day ended."""
    from audit_service.verify import verify_one  # noqa: PLC0415

    return _told(verify_one(stream, day, log(), views(), seals(), reports(), signer()))


def reconcile_account(name: str, day: str) -> dict[str, Any]:
    """An account's day, from where the newest closed report began."""
    from audit_service.reconcile import reconcile  # noqa: PLC0415

    before = reports().closings(before=day).get(name)
    return _told(reconcile(name, runtime().desk.accounts[name], day, before, lake(), views(), log()))


def report_day(event: dict[str, Any]) -> dict[str, Any]:
    """The state of the day as it is kept, and its faults."""
    from audit_service.report import Findings, report  # noqa: PLC0415

    made = report(msgspec.convert(event, Findings), reports(), seals(), signer())
    return {"day": made.day, "state": made.state, "faults": msgspec.to_builtins(made.faults)}


def _told(result: msgspec.Struct) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(result)
    return answer


def api(event: dict[str, Any]) -> dict[str, Any]:
    from audit_service import read_api  # noqa: PLC0415

    return read_api.answer(event, runtime().desk, views(), log())
