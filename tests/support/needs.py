"""The permissions that a call needs of its caller's role: IAM actions are not the operations' names, nor one a call."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from support.packaged_stacks import ACCOUNT, REGION, Function, Stacks

Parameters = Mapping[str, Any]


class Need(NamedTuple):
    """An action on a resource, and the service that asks KMS in the caller's name, or gets a role, if any."""

    action: str
    resource: str
    via: str = ""

    @property
    def context(self) -> dict[str, str]:
        if self.action == "iam:PassRole":
            return {"iam:PassedToService": f"{self.via}.amazonaws.com"}
        return {"kms:ViaService": f"{self.via}.{REGION}.amazonaws.com"} if self.via else {}


def needs(service: str, operation: str, parameters: Parameters, keys: Mapping[str, str]) -> set[Need]:
    """The needs of one call; ``keys`` has the customer's key of each encrypted resource.

    Raises KeyError for an operation that is not in the table: add it, with what AWS's documents say that it needs.
    """
    return keyed(set(OPERATIONS[service, operation](parameters)), keys)


def keyed(needed: set[Need], keys: Mapping[str, str]) -> set[Need]:
    """The needs, and what of the customer's keys they need on resources that are encrypted."""
    more = {
        Need(action, keys[_owner(need.resource)], need.action.partition(":")[0])
        for need in needed
        if _owner(need.resource) in keys
        for action in KEY_ACTIONS.get(need.action, ())
    }
    return needed | more


# What of a customer's key an action on an encrypted resource takes. DynamoDB opens its table key in the caller's name.
KEY_ACTIONS = {
    "sns:Publish": ("kms:Decrypt", "kms:GenerateDataKey"),
    "sqs:SendMessage": ("kms:Decrypt", "kms:GenerateDataKey"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "dynamodb:Query": ("kms:Decrypt",),
} | {
    f"dynamodb:{operation}Item": ("kms:Decrypt",)
    for operation in ("Get", "BatchGet", "BatchWrite", "Put", "Update", "Delete", "ConditionCheck")
}


def _owner(resource: str) -> str:
    return resource.partition("/")[0] if resource.startswith("arn:aws:s3:::") else resource


def _arn(service: str, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def _table(action: str) -> Callable[[Parameters], Iterator[Need]]:
    def needed(parameters: Parameters) -> Iterator[Need]:
        yield Need(f"dynamodb:{action}", _arn("dynamodb", f"table/{parameters['TableName']}"))

    return needed


def _tables(action: str) -> Callable[[Parameters], Iterator[Need]]:
    def needed(parameters: Parameters) -> Iterator[Need]:
        for name in parameters["RequestItems"]:
            yield Need(f"dynamodb:{action}", _arn("dynamodb", f"table/{name}"))

    return needed


def _transaction(parameters: Parameters) -> Iterator[Need]:
    for item in parameters["TransactItems"]:
        for kind, write in item.items():
            yield from _table(f"{kind.removesuffix('Item')}Item")(write)


def _topic(parameters: Parameters) -> Iterator[Need]:
    yield Need("sns:Publish", parameters["TopicArn"])


def _queue(parameters: Parameters) -> Iterator[Need]:
    yield Need("sqs:SendMessage", _arn("sqs", parameters["QueueUrl"].rpartition("/")[2]))


def _watched_queue(action: str) -> Callable[[Parameters], Iterator[Need]]:
    def needed(parameters: Parameters) -> Iterator[Need]:
        yield Need(f"sqs:{action}", _arn("sqs", parameters["QueueUrl"].rpartition("/")[2]))

    return needed


def _alarms(_parameters: Parameters) -> Iterator[Need]:
    yield Need("cloudwatch:DescribeAlarms", _arn("cloudwatch", "alarm:*"))


def _configuration(parameters: Parameters) -> Iterator[Need]:
    yield Need("lambda:GetFunctionConfiguration", _arn("lambda", f"function:{parameters['FunctionName']}"))


def _listing(parameters: Parameters) -> Iterator[Need]:
    yield Need("s3:ListBucket", f"arn:aws:s3:::{parameters['Bucket']}")


def _versions(parameters: Parameters) -> Iterator[Need]:
    yield Need("s3:ListBucketVersions", f"arn:aws:s3:::{parameters['Bucket']}")


def _read_object(parameters: Parameters) -> Iterator[Need]:
    yield from _object("GetObjectVersion" if "VersionId" in parameters else "GetObject")(parameters)


def _object(action: str) -> Callable[[Parameters], Iterator[Need]]:
    def needed(parameters: Parameters) -> Iterator[Need]:
        yield Need(f"s3:{action}", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}")

    return needed


def _invocation(parameters: Parameters) -> Iterator[Need]:
    yield Need("lambda:InvokeFunction", _arn("lambda", f"function:{parameters['FunctionName']}"))


def _secret(parameters: Parameters) -> Iterator[Need]:
    # Where it is not asked for by its name: an ARN has six letters at its end that templates do not know.
    name = parameters["SecretId"]
    named = re.sub("-[A-Za-z0-9]{6}$", "", name) if name.startswith("arn:") else f"secret:{name}"
    yield Need("secretsmanager:GetSecretValue", _arn("secretsmanager", named))


def _parameter(parameters: Parameters) -> Iterator[Need]:
    yield Need("ssm:GetParameter", _arn("ssm", f"parameter{parameters['Name']}"))


def _execution(parameters: Parameters) -> Iterator[Need]:
    yield Need("states:StartExecution", parameters["stateMachineArn"])


OPERATIONS: dict[tuple[str, str], Callable[[Parameters], Iterator[Need]]] = {
    **{("dynamodb", name): _table(name) for name in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")},
    **{("dynamodb", name): _tables(name) for name in ("BatchGetItem", "BatchWriteItem")},
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("sns", "Publish"): _topic,
    ("sns", "PublishBatch"): _topic,
    ("sqs", "SendMessage"): _queue,
    ("sqs", "SendMessageBatch"): _queue,
    **{("sqs", name): _watched_queue(name) for name in ("GetQueueAttributes", "ReceiveMessage")},
    ("cloudwatch", "DescribeAlarms"): _alarms,
    ("lambda", "GetFunctionConfiguration"): _configuration,
    ("s3", "ListObjectsV2"): _listing,
    ("s3", "ListObjectVersions"): _versions,
    ("s3", "GetObject"): _read_object,
    **{("s3", name): _object(name) for name in ("PutObject", "DeleteObject")},
    ("s3", "HeadObject"): _object("GetObject"),
    ("lambda", "Invoke"): _invocation,
    ("secretsmanager", "GetSecretValue"): _secret,
    ("ssm", "GetParameter"): _parameter,
    ("stepfunctions", "StartExecution"): _execution,
}


def log_needs(function: Function, _stacks: Stacks) -> set[Need]:
    stream = _arn("logs", f"log-group:/aws/lambda/{function.name}:log-stream:any")
    return {Need("logs:CreateLogStream", stream), Need("logs:PutLogEvents", stream)}


def queue_needs(function: Function, stacks: Stacks) -> set[Need]:
    keys = stacks.keys
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    needed = {Need(action, queue) for queue in function.queues for action in actions}
    return needed | {Need("kms:Decrypt", keys[queue], "sqs") for queue in function.queues if queue in keys}


def trace_needs(_function: Function, stacks: Stacks) -> set[Need]:
    # A trace goes on in functions that begin none.
    actions = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
    return {Need(action, "*") for action in actions} if stacks.traced else set()


def seal_needs(function: Function, _stacks: Stacks) -> set[Need]:
    key, actions = function.environment.get("SEAL_KEY"), SEALING.get(function.name.rpartition("-")[2], ())
    return {Need(f"kms:{action}", key) for action in actions} if key else set()


def evidence_needs(function: Function, _stacks: Stacks) -> set[Need]:
    bucket = f"arn:aws:s3:::{function.environment.get('AUDIT_BUCKET')}"
    name = function.name.rpartition("-")[2]
    # That a report is gone, and not forbidden, S3 says only to who may list.
    lake = f"arn:aws:s3:::{function.environment.get('LAKE_BUCKET')}"
    needed = {Need("s3:ListBucket", lake)} if name == "verify" else set()
    evidence = EVIDENCE.get(name)
    return needed | ({Need(f"s3:{evidence[0]}", f"{bucket}/{evidence[1]}/any")} if evidence else set())


def left_alone_needs(function: Function, _stacks: Stacks) -> set[Need]:
    evidence = (
        LEFT_ALONE.get(function.name.rpartition("-")[2], {}) if "PAPER_BOOK_TABLE" in function.environment else {}
    )
    return {
        Need(f"dynamodb:{action}", _arn("dynamodb", f"table/{function.environment[table]}"))
        for table, actions in evidence.items()
        for action in actions
    }


# tests/unit/test_execution_sweep.py and tests/aws/test_paper_book.py show the calls.
PAPER = ("GetItem", "BatchGetItem", "PutItem", "DeleteItem")
LEFT_ALONE = {
    "execute": {"PAPER_BOOK_TABLE": PAPER, "LEDGER_TABLE": ("UpdateItem", "ConditionCheckItem")},
    "sweep": {"PAPER_BOOK_TABLE": PAPER, "LEDGER_TABLE": (
        "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"
    )},
}  # fmt: skip
SEALING = {"report": ("GenerateMac",), "verify": ("DescribeKey", "VerifyMac")}
EVIDENCE = {
    "verify": ("GetObjectVersion", "chain"),
    "report": ("GetObjectVersion", "seals"),
    "reconcile": ("GetObject", "chain"),
}
# What a role allows although no handler asks for it, each with its reason; six at most.
EXCEPTIONS: dict[str, tuple[str, Callable[[Function, Stacks], set[Need]]]] = {
    "logs": ("Lambda itself writes a function's output to its log group, with the function's role.", log_needs),
    "queue": ("The event source mapping reads the queue and deletes what is done, with the same role.", queue_needs),
    "seals": ("A stage that has a key signs its closed days with it; the embedded one has none.", seal_needs),
    "evidence": (
        "What lies behind a head, or under another version, is read where there is such; none should be.",
        evidence_needs,
    ),
    "orders": (
        "Orders that nobody looks after, and books of hundreds that rest, come of crashes and of years.",
        left_alone_needs,
    ),
    "traces": ("Segments go to a daemon beside the function, which sends them with the same role.", trace_needs),
}
