"""Risk's parts, built on first use."""

import os
from collections.abc import Mapping
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

import msgspec

from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.risk.policy import DeskPolicy, prepare
from risk_service.assess import PreTradeRisk
from risk_service.control import ControlCommand, handle_command
from risk_service.routes import ROUTES
from risk_service.settings import Settings

if TYPE_CHECKING:
    from fanfold.aws.function.runtime_limits import RuntimeLimits


@cache
def runtime() -> Runtime:
    return described(os.environ)


class RiskProcess:
    """The parts of one process; the pre-trade risk is built anew when the desk's limits change."""

    def __init__(self, runtime: Runtime, settings: Settings, rests: Mapping[str, frozenset[str]] | None = None) -> None:
        """Use ``rests``, the kinds of orders that may rest for each live account, in place of its venue's terms."""
        self.runtime = runtime
        self._settings = settings
        self._rests = _rests(runtime.desk) if rests is None else rests
        self._built: tuple[Desk, DeskPolicy, PreTradeRisk] | None = None

    @cached_property
    def _table(self) -> Table:
        return self.runtime.table(self._settings.ledger_table)

    @cached_property
    def _outbox(self) -> Outbox:
        runtime = self.runtime
        arns = {"orders": self._settings.orders_topic, "targets": self._settings.targets_topic}
        topics = Topics(runtime.call, arns, runtime.watch.published)
        return Outbox(self._table, "risk", topics, runtime.watch, runtime.clock)

    @cached_property
    def _ledger(self) -> DynamoLedger:
        return DynamoLedger(self._table, self._outbox)

    @cached_property
    def _approvals(self) -> Approvals:
        return Approvals(self._ledger, self.runtime.backoff)

    @cached_property
    def _limits(self) -> "RuntimeLimits | None":
        """Read the parameters that tighten the desk file's limits; only where the environment names their path."""
        if not self._settings.limits_path:
            return None
        # What runs without parameters does not load what reads them.
        from fanfold.aws.function.runtime_limits import RuntimeLimits  # noqa: PLC0415

        runtime = self.runtime
        return RuntimeLimits(runtime.call, self._settings.limits_path, runtime.desk, runtime.clock, runtime.watch)

    @property
    def risk(self) -> PreTradeRisk:
        """Return the pre-trade risk under the current limits."""
        return self._current()[2]

    def _current(self) -> tuple[Desk, DeskPolicy, PreTradeRisk]:
        """Return the desk under the current limits, with its policy and risk; the same until a limit changes."""
        desk = self._limits.desk() if self._limits else self.runtime.desk
        if self._built is None or self._built[0] is not desk:
            plan = prepare(desk, self._rests)
            self._built = desk, plan, self._under(desk, plan)
        return self._built

    def _under(self, desk: Desk, plan: DeskPolicy) -> PreTradeRisk:
        runtime = self.runtime
        halted = partial(runtime.watch.counts.add, "AccountsNotActive")
        polls = DynamoPolls(self._table)
        return PreTradeRisk(desk, plan, polls, self._approvals, runtime.clock, runtime.backoff, halted)

    def assess(self, arrived: Arrived) -> None:
        """Handle a message. It may be delivered again after a crash, so the outbox is swept first."""
        if arrived.again:
            self._outbox.sweep()
        getattr(self.risk, verb_of(ROUTES, arrived.message))(arrived.message)

    def sweep(self) -> dict[str, int]:
        """Return how many messages a crash had left, and on how many accounts risk decided without a poll.

        A limit that is refused makes the sweep fail, and that rings an alarm.
        """
        try:
            published = self._outbox.sweep()
        finally:  # A topic that fails stops no decision.
            overdue = self.risk.decide_overdue()
        if self._limits:
            self._limits.check()
        return {"published": published, "overdue": overdue}

    def api_control(self, event: dict[str, Any]) -> dict[str, Any]:
        """Respond to an HTTP API event; the parts of the API are loaded by the one function that needs them."""
        from fanfold.ledger.controls import LedgerControls  # noqa: PLC0415
        from risk_service import halt_api  # noqa: PLC0415

        controls = LedgerControls(self._ledger, self.runtime.backoff)
        return halt_api.answer(event, self.runtime.desk, controls, self.runtime.clock())

    def api_limits(self, event: dict[str, Any]) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        from risk_service.read_limits import LimitReader  # noqa: PLC0415

        desk, plan, _ = self._current()
        polls = DynamoPolls(self._table)
        return LimitReader(desk, plan, polls.read, self._approvals, self.runtime.clock()).answer(event)

    def control(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        """Return the result of a command, or its fault; ``describe`` returns the desk that this function trades."""
        desk = self.runtime.desk
        if event == {"action": "describe"}:
            described: dict[str, Any] = msgspec.to_builtins(desk)
            return described
        try:
            command = msgspec.convert(event, ControlCommand)
        except msgspec.ValidationError as wrong:
            raise BadInput(f"the command: {wrong}") from wrong
        return handle_command(command, desk, self._approvals, self.runtime.clock(), request)


def _rests(desk: Desk) -> Mapping[str, frozenset[str]]:
    if all(account.mode != "live" for account in desk.accounts.values()):
        return {}
    # What trades on paper does not load the terms of real venues.
    from fanfold.trading.terms import rests_of  # noqa: PLC0415

    return rests_of(desk)


def build(runtime: Runtime, settings: Settings, rests: Mapping[str, frozenset[str]] | None = None) -> RiskProcess:
    """Build a process: two of them share nothing but the AWS resources that they call. See RiskProcess."""
    return RiskProcess(runtime, settings, rests)


@cache
def process() -> RiskProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
