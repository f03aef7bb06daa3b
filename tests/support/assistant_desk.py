"""A desk in memory for an assistant: risk's own control, recorded orders, and canned answers of commands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.s3.audit_log import S3Log
from fanfold.cli.assistants.budget import Allowance, Budget
from fanfold.cli.assistants.call_log import CallLog
from fanfold.cli.assistants.calls import Assistant
from fanfold.cli.assistants.confined import Finished
from fanfold.cli.assistants.folders import Folders
from fanfold.cli.assistants.tickets import TicketBox
from fanfold.cli.assistants.workplace import Scope, Workplace
from fanfold.deployment import SERVICES, dead_letters_names, queue_name
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import OpenAccount
from fanfold.local.session import LocalSession, bucket_name, table_name
from fanfold.messages import Message, TradingState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.stores import MemoryBus
from fanfold.stages import session as stage_session
from risk_service.control import ControlCommand, handle_command
from support.api_desk import NOW, Kept, history, record, small_desk

ROOT = Path(__file__).resolve().parents[2]
DESK_FILE = ROOT / "desk.toml"
ALLOWANCE = Allowance()
# By the first word of a command, what it answers in a process of its own.
CANNED: dict[str, Any] = {
    "data": {"instruments": [], "refused": ["b.csv: no prices"], "apart": []},
    "strategies": {"strategies": [{"name": "sma_cross", "about": "Two averages cross."}], "broken": {}},
    "strategy": {"name": "sma_cross", "lookback": 99, "wrong": [], "doubtful": ["it divides"]},
    "backtest": {"fidelity": "fast", "accounts": {"main": {"currency": "USDT"}}, "notes": []},
    "verdict": {"summary": "not to be trusted", "findings": [{"name": "luck", "outcome": "failed"}]},
    "desk": {"file": "desk.toml"},
    "run": {"orders": 3},
}


class CannedRoom:
    """See fanfold.cli.assistants.confined.Workroom; ``commands`` has what was to be run."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.ended = Event()
        self.commands: list[Sequence[str]] = []

    def run(self, words: Sequence[str], _seconds: float) -> Finished:
        self.commands.append(words)
        return Finished(CANNED[words[0]], good=True)

    trade = run


class StoredLog(Kept):
    """Keeps the segments of messages in a bucket, where the desk's log is read."""

    def __init__(self, cloud: MemoryCloud) -> None:
        super().__init__()
        self._call = cloud.call

    def append(self, message: Message) -> Any:
        segment = super().append(message)
        where = {"Bucket": bucket_name("audit", "local"), "Key": segment.key}
        self._call("s3", "PutObject", {**where, "Body": segment.body})
        return segment


class DeskInMemory(LocalSession):
    """A session of a desk whose accounts main and spare are open; ``commands`` has what risk was told."""

    def __init__(self, state: Path, orders: int = 18) -> None:
        self.stage, self.state, self.running = "local", state, True
        self.aws, self.commands = MemoryCloud(), list[dict[str, Any]]()
        self.call = self.aws.call
        self._desk = small_desk()
        for name in ("ledger", "views"):
            self.aws.table(table_name(name, "local"))
        for name in ("audit", "lake"):
            self.call("s3", "CreateBucket", {"Bucket": bucket_name(name, "local")})
        for queue in [queue_name(service, "local") for service in SERVICES] + [
            name for service in SERVICES for name in dead_letters_names(service, "local")
        ]:
            fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
            self.call("sqs", "CreateQueue", {"QueueName": queue, "Attributes": fifo})
        self.store = DynamoLedger(self.ledger, Outbox(self.ledger, "risk", MemoryBus()))  # type: ignore[arg-type]
        self.store.commit([OpenAccount(name, Decimal(10_000)) for name in self._desk.accounts])
        record(self.views, StoredLog(self.aws), history(orders))

    def queue_url(self, queue: str) -> str:
        return str(self.call("sqs", "GetQueueUrl", {"QueueName": queue})["QueueUrl"])

    @property
    def log(self) -> S3Log:
        return S3Log(self.call, self.bucket("audit"))

    def rested(self) -> bool:
        return True

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        if (service, function) != ("risk", "control"):
            raise AwsFault("ResourceNotFoundException", f"{service}-{function}", 404)
        self.commands.append(event)
        approvals = Approvals(self.store, AT_ONCE)
        try:
            return handle_command(msgspec.convert(event, ControlCommand), self._desk, approvals, NOW, "r")
        except (BadInput, msgspec.ValidationError) as wrong:
            raise AwsFault("BadInput", str(wrong), 400) from wrong

    def set_state(self, account: str, state: TradingState) -> None:
        """Set a trading state as an operator does, who has looked."""
        action = "resume" if state is TradingState.ACTIVE else "halt"
        self.invoke(
            "risk",
            "control",
            {
                "action": action,
                "account": account,
                "state": state,
                "reason": "test",
                "actor": "a person",
                "replaces": [self.store.permissions(account).change],
            },
        )

    def states(self) -> dict[str, TradingState | None]:
        """Return the trading state of each account."""
        return {name: self.store.permissions(name).trading_state for name in self._desk.accounts}

    @property
    def known(self) -> Desk:
        return self._desk


class AssistantWorld:
    """An assistant of a desk in memory."""

    def __init__(self, folder: Path, scope: Scope, allowance: Allowance) -> None:
        self.state = folder / "state"
        self.own = self.state / "assistants"
        self.own.mkdir(parents=True)
        self.data = folder / "data"
        self.data.mkdir()
        (self.data / "BTCUSDT-1m.csv").write_text("bars")
        self.desk_file = folder / "desk.toml"
        self.desk_file.write_text(DESK_FILE.read_text())
        self.desk = DeskInMemory(self.state)
        self.seconds = 0.0
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.room = CannedRoom(Folders.of([self.data]))
        self.place = Workplace(
            state=self.state,
            stage="",
            desk_file=self.desk_file,
            strategies=None,
            own=self.own,
            scope=scope,
            budget=Budget(allowance),
            workroom=self.room,  # type: ignore[arg-type]
            tickets=TicketBox(self.own),
            journal=CallLog(self.own, lambda: 1_772_366_400_000),
            user="anna",
            now=lambda: self.now,
        )
        self.assistant = Assistant(self.place, "session", lambda: self.seconds)

    def data_of(self, name: str, **arguments: Any) -> Any:
        """Return the data of an answer, which must be one."""
        result = self.assistant.call(name, arguments)
        assert result.document is not None, result.error
        return result.document["data"]

    def error_of(self, name: str, **arguments: Any) -> str:
        """Return the words of an error, which must be one."""
        result = self.assistant.call(name, arguments)
        assert result.document is None, result.document
        return result.error


def world_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, scope: Scope = Scope.PROPOSE, allowance: Allowance = ALLOWANCE
) -> AssistantWorld:
    """Make an assistant's world, whose desk every command of this process reaches."""
    world = AssistantWorld(folder, scope, allowance)

    @contextmanager
    def connected(_state: Path, _command: str) -> Iterator[LocalSession]:
        yield world.desk

    monkeypatch.setattr(stage_session, "connect", connected)
    return world
