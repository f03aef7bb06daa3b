"""Audit's parts, built on first use; pyarrow is loaded where the lake is written, and nowhere else."""

import os
from functools import cache

import msgspec

from audit_service.record import Arrival
from audit_service.record import record as write_down
from audit_service.settings import Settings
from fanfold.audit_ports import Lake
from fanfold.aws.edge import Arrived
from fanfold.aws.log import S3Log
from fanfold.aws.runtime import Runtime, read
from fanfold.aws.runtime import runtime as build
from fanfold.aws.views import DynamoViews


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
    from fanfold.aws.lake import S3Lake  # noqa: PLC0415

    return S3Lake(runtime().call, settings().lake_bucket)


def record_all(arrived: list[Arrived]) -> None:
    arrivals = [Arrival(one.message, msgspec.json.decode(one.body), one.sent_ms) for one in arrived]
    write_down(arrivals, log(), views())


def flush_all() -> int:
    from audit_service.flush import flush  # noqa: PLC0415

    return flush(log(), lake(), views())


def compact_all() -> int:
    from audit_service.compact import compact  # noqa: PLC0415

    return compact(lake(), views(), before=runtime().clock().date().isoformat())
