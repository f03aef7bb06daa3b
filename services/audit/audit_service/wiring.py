"""Audit's parts, built on first use; pyarrow is loaded where the lake is written, and nowhere else."""

import os
from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from audit_service.record import Arrival, record
from audit_service.settings import Settings
from fanfold.audit.bar_history import BarHistory, LakeBars
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.ports import Lake, Seals, Signer
from fanfold.audit.read_cache import ReadCache
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived
from fanfold.aws.s3.audit_log import S3Log
from fanfold.errors import BadInput

if TYPE_CHECKING:
    from audit_service.read_api import ReadParts
    from fanfold.aws.s3.reports import S3Reports


@cache
def runtime() -> Runtime:
    return described(os.environ)


class AuditProcess:
    """The parts of one process, and the verbs of its functions, each with the parts that it needs."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self._settings = settings

    @cached_property
    def log(self) -> S3Log:
        return S3Log(self.runtime.call, self._settings.audit_bucket)

    @cached_property
    def views(self) -> DynamoViews:
        return DynamoViews(self.runtime.call, self._settings.views_table)

    @cached_property
    def lake(self) -> Lake:
        from fanfold.aws.s3.lake import S3Lake  # noqa: PLC0415

        return S3Lake(self.runtime.call, self._settings.lake_bucket)

    @cached_property
    def _seals(self) -> Seals:
        from fanfold.aws.s3.seals import S3Seals  # noqa: PLC0415

        return S3Seals(self.runtime.call, self._settings.audit_bucket)

    @cached_property
    def _signer(self) -> Signer | None:
        """Return the signer of closed days; None in a stage without a key."""
        from fanfold.aws.s3.seals import KmsSigner  # noqa: PLC0415

        key = self._settings.seal_key
        return KmsSigner(self.runtime.call, key) if key else None

    @cached_property
    def _read_parts(self) -> "ReadParts":
        from audit_service.read_api import ReadParts  # noqa: PLC0415

        history = BarHistory(self.views, self.log, self._lake_bars)
        return ReadParts(self.views, OpenOrders(self.views), self.log, history, ReadCache(self.views, self.log))

    @cached_property
    def _lake_bars(self) -> Callable[[], LakeBars]:
        def lake() -> LakeBars:
            from fanfold.aws.s3.lake_bars import S3LakeBars  # noqa: PLC0415

            return S3LakeBars(self.runtime.call, self._settings.lake_bucket)

        return cache(lake)

    @cached_property
    def _reports(self) -> "S3Reports":
        from fanfold.aws.s3.reports import S3Reports  # noqa: PLC0415

        return S3Reports(self.runtime.call, self._settings.lake_bucket)

    def record(self, arrived: list[Arrived]) -> None:
        arrivals = [Arrival(message.message, msgspec.json.decode(message.body), message.sent_ms) for message in arrived]
        record(arrivals, self.log, self.views, self.runtime.backoff)

    def flush(self) -> int:
        from audit_service.flush import flush  # noqa: PLC0415

        return flush(self.log, self.lake, self.views, self.views.heads())

    def compact(self) -> int:
        from audit_service.compact import compact  # noqa: PLC0415

        return compact(self.lake, self.views, before=self.runtime.clock().date().isoformat())

    def agenda(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the agenda of an event's daily close. Raises BadInput where the event has no ``time``."""
        from audit_service.agenda import agenda  # noqa: PLC0415

        try:
            scheduled = msgspec.convert(event.get("time"), datetime)
        except msgspec.ValidationError as wrong:
            raise BadInput(f"a close needs the `time` that it was scheduled for: {wrong}") from wrong
        return _as_json(agenda(scheduled, self.log, self._reports, self._seals, self.runtime.desk.accounts))

    def verify(self, stream: str, day: str) -> dict[str, Any]:
        """Verify a chain, from where the newest closed report of an earlier day ended."""
        from audit_service.verify import verify_one  # noqa: PLC0415

        return _as_json(verify_one(stream, day, self.log, self.views, self._seals, self._reports, self._signer))

    def reconcile(self, name: str, day: str) -> dict[str, Any]:
        """Reconcile an account's day, from where the newest closed report began."""
        from audit_service.reconcile import reconcile  # noqa: PLC0415

        before = self._reports.closings(before=day).get(name)
        account, today = self.runtime.desk.accounts[name], self.runtime.clock().date().isoformat()
        return _as_json(reconcile(name, account, day, today, before, self.views, self.log))

    def report(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the day as it is kept, and its faults."""
        from audit_service.report import Findings, report  # noqa: PLC0415

        made = report(msgspec.convert(event, Findings), self._reports, self._seals, self._signer)
        return {"day": made.day, "state": made.state, "faults": msgspec.to_builtins(made.faults)}

    def api(self, event: dict[str, Any]) -> dict[str, Any]:
        from audit_service import read_api  # noqa: PLC0415

        return read_api.answer(event, self.runtime.desk, self._read_parts, self.runtime.clock())

    def api_system(self, event: dict[str, Any]) -> dict[str, Any]:
        from audit_service import read_system  # noqa: PLC0415
        from fanfold.aws.function.watched import WatchedStage  # noqa: PLC0415
        from fanfold.aws.s3.sweeps import S3Sweeps  # noqa: PLC0415

        runtime, settings = self.runtime, self._settings
        queues_at = runtime.edge.dead_letters.rpartition("/")[0]
        faults, alerts = runtime.table(runtime.edge.faults), runtime.table(settings.alerts_table)
        watched = WatchedStage(runtime.call, faults, alerts, settings.stage, queues_at)
        sweeps = S3Sweeps(runtime.call, settings.lake_bucket)
        return read_system.answer(event, watched, self.views, self._reports, sweeps, runtime.clock())


def _as_json(outcome: msgspec.Struct) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(outcome)
    return body


def build(runtime: Runtime, settings: Settings) -> AuditProcess:
    """Build a process: two of them share nothing but the AWS resources that they call."""
    return AuditProcess(runtime, settings)


@cache
def process() -> AuditProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
