"""A small AWS in memory behind the one seam, ``call(service, operation, parameters)``, for the adapters."""

from collections.abc import Callable, Mapping
from typing import Any

from fanfold.aws.dynamodb.table import KEY_NAMES, Table
from fanfold.simulation.dynamodb import MemoryDynamo
from fanfold.simulation.objects import MemoryBuckets
from fanfold.simulation.queues import MemoryQueues
from fanfold.simulation.topics import MemoryTopics


def _never() -> float:
    return 0.0


class MemoryCloud:
    """DynamoDB, S3, SNS and SQS of one account, to which ``services`` may be added, by what boto3 calls them.

    ``now`` returns epoch seconds; without it, time stands still.
    """

    def __init__(self, now: Callable[[], float] = _never) -> None:
        self.dynamodb = MemoryDynamo(now)
        self.s3 = MemoryBuckets(now)
        self.sqs = MemoryQueues(now)
        self.sns = MemoryTopics(self.sqs, now)
        self.services: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
            "dynamodb": self.dynamodb.call,
            "s3": self.s3.call,
            "sqs": self.sqs.call,
            "sns": self.sns.call,
        }

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return self.services[service](operation, parameters)

    def table(self, name: str) -> Table:
        """Return the table of this name, created where there is none."""
        kinds = zip(KEY_NAMES, ("HASH", "RANGE"), strict=True)
        schema = [{"AttributeName": key, "KeyType": kind} for key, kind in kinds]
        self.call("dynamodb", "CreateTable", {"TableName": name, "KeySchema": schema})
        return Table(self.call, name)
