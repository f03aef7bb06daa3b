"""The queues, dead letters, alarms and functions of a stage, as the HTTP API tells of them."""

from datetime import UTC, datetime
from typing import Any

from fanfold.alerts.entries import rank
from fanfold.api.system_schemas import Alarm, DeadLetter, OpenAlert, QueueDepth, RunningCode
from fanfold.aws.client.call import AwsFault, Call, not_found
from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.dynamodb.table import Table
from fanfold.deployment import OPTIONAL_SUBSCRIPTIONS, SERVICES, dead_letters_names, queue_name

# The function that reads the queue of each service; all functions of a service run from one image.
READERS = {"market-data": "serve", "signal": "fold", "risk": "assess", "execution": "execute", "audit": "record"}
DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
# What is read of a dead-letter queue at once, which is what SQS gives at most.
LETTERS_MAX = 10
ALARMS_MAX = 100
NO_REASON = "the function crashed or ran out of time; its log says more"


class WatchedStage:
    """The view of a stage that a function of its own has; ``queues_at`` is the URL below which its queues are."""

    def __init__(self, call: Call, faults: Table, alerts: Table, stage: str, queues_at: str) -> None:
        self.stage = stage
        self._call = call
        self._faults = faults
        self._alerts = DynamoAlerts(alerts)
        self._queues_at = queues_at

    def depths(self) -> list[QueueDepth]:
        return [self._depth(service) for service in self._services()]

    def dead_letters(self) -> list[DeadLetter]:
        """Return up to LETTERS_MAX of each dead-letter queue; they stay where they are, and in sight of others."""
        letters = [(service, letter) for service in self._services() for letter in self._letters(service)]
        silent = {letter["MessageId"] for _, letter in letters if not _reason(letter)}
        faults = self._faults.get_all([(message_id, "fault") for message_id in sorted(silent)]) if silent else {}
        reasons = {key[0]: str(item["reason"]) for key, item in faults.items()}
        return [_dead_letter(service, letter, reasons) for service, letter in letters]

    def alarms(self) -> list[Alarm]:
        """Return the alarms of the stage, those that ring first."""
        wanted = {"AlarmNamePrefix": f"fanfold-{self.stage}-", "MaxRecords": ALARMS_MAX}
        there = self._call("cloudwatch", "DescribeAlarms", wanted).get("MetricAlarms", [])
        return sorted(map(_alarm, there), key=lambda alarm: (alarm.state != "ALARM", alarm.name))

    def alerts(self) -> list[OpenAlert]:
        """Return the alerts that need somebody, the worst and newest first."""
        needing = [record for record in self._alerts.all() if record.open]
        needing.sort(key=lambda record: (rank(record.severity), record.last_s), reverse=True)
        return [
            OpenAlert(
                key=record.key,
                severity=record.severity,
                title=record.title,
                text=record.text,
                count=record.count,
                since=datetime.fromtimestamp(record.first_s, UTC),
            )
            for record in needing
        ]

    def functions(self) -> list[RunningCode]:
        return [self._code(service, function) for service, function in READERS.items()]

    def _services(self) -> tuple[str, ...]:
        """Return the services that have a queue: those of optional stacks where they are deployed."""
        return (*SERVICES, *(service for service in OPTIONAL_SUBSCRIPTIONS if self._has_queue(service)))

    def _has_queue(self, service: str) -> bool:
        try:
            self._counts(queue_name(service, self.stage))
        except AwsFault as fault:
            if not not_found(fault):
                raise
            return False
        return True

    def _depth(self, service: str) -> QueueDepth:
        waiting, in_flight = self._counts(queue_name(service, self.stage))
        dead = sum(sum(self._counts(name)) for name in dead_letters_names(service, self.stage))
        return QueueDepth(service=service, waiting=waiting, in_flight=in_flight, dead_letters=dead)

    def _counts(self, queue: str) -> tuple[int, int]:
        request = {"QueueUrl": f"{self._queues_at}/{queue}", "AttributeNames": list(DEPTHS)}
        attributes = self._call("sqs", "GetQueueAttributes", request).get("Attributes", {})
        waiting, in_flight = (int(attributes.get(name, 0)) for name in DEPTHS)
        return waiting, in_flight

    def _letters(self, service: str) -> list[dict[str, Any]]:
        letters: list[dict[str, Any]] = []
        for queue in dead_letters_names(service, self.stage):
            request = {
                "QueueUrl": f"{self._queues_at}/{queue}",
                "MaxNumberOfMessages": LETTERS_MAX,
                # So that a redrive at the same time sees every message.
                "VisibilityTimeout": 0,
                "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
                "MessageAttributeNames": ["reason"],
            }
            letters += self._call("sqs", "ReceiveMessage", request).get("Messages", [])
        return letters

    def _code(self, service: str, function: str) -> RunningCode:
        name = f"fanfold-{service}-{self.stage}-{function}"
        configuration = self._call("lambda", "GetFunctionConfiguration", {"FunctionName": name})
        modified = configuration.get("LastModified")
        return RunningCode(
            service=service,
            function=function,
            digest=configuration.get("CodeSha256", ""),
            version=configuration.get("Version", ""),
            deployed_at=datetime.fromisoformat(modified) if modified else None,
        )


def _reason(letter: dict[str, Any]) -> str:
    return str(letter.get("MessageAttributes", {}).get("reason", {}).get("StringValue", ""))


def _dead_letter(service: str, letter: dict[str, Any], reasons: dict[str, str]) -> DeadLetter:
    system = letter.get("Attributes", {})
    return DeadLetter(
        service=service,
        message_id=letter["MessageId"],
        reason=_reason(letter) or reasons.get(letter["MessageId"], NO_REASON),
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1_000, UTC),
        receives=int(system.get("ApproximateReceiveCount", 0)),
    )


def _alarm(described: dict[str, Any]) -> Alarm:
    since = described.get("StateUpdatedTimestamp")
    return Alarm(
        name=described["AlarmName"],
        about=described.get("AlarmDescription", ""),
        state=described.get("StateValue", ""),
        reason=described.get("StateReason", ""),
        since=_moment(since) if since is not None else None,
    )


def _moment(at: float | datetime) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
