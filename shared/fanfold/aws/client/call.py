"""The one seam for AWS traffic: ``call(service, operation, parameters)`` with boto3's shapes.

Parameters and responses are those of boto3's low-level clients, with three differences: a response has no
``ResponseMetadata``; a body (S3 ``Body``, Lambda ``Payload``) is bytes, not a stream; what AWS refuses is an AwsFault.
"""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from fanfold.errors import BadInput

Call = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]

# The status of a fault where nothing came back, so that what happened is unknown.
NO_ANSWER = 0
TIMEOUT_S = 4.0
# Where ECS and EKS hand out keys to a task, besides loopback.
TASK_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "::1")

# Besides rates, what passes by itself: a key's own rate, a request that was not heard to its end, one still under way.
THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "KMSThrottling",
        "KmsThrottled",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Reason(NamedTuple):
    """The reason why a write was refused; ``item`` has the stored AttributeValues if the write asked for them."""

    code: str
    message: str
    item: dict[str, Any]


class AwsFault(Exception):
    """AWS refused the call, or did not respond (status NO_ANSWER).

    ``reasons`` has one entry a write of a cancelled transaction, in order, with code "None" where that write was fine;
    a failed condition of a single write has exactly one.
    """

    def __init__(self, code: str, message: str, status: int, reasons: tuple[Reason, ...] = ()) -> None:
        super().__init__(code, message, status, reasons)
        self.code = code
        self.message = message
        self.status = status
        self.reasons = reasons

    def __str__(self) -> str:
        return f"{self.code} ({self.status}): {self.message}"


def condition_failed(fault: AwsFault) -> bool:
    """Return whether a DynamoDB condition did not hold, alone or in a transaction."""
    return any(reason.code == "ConditionalCheckFailed" for reason in fault.reasons)


def conflicted(fault: AwsFault) -> bool:
    """Return whether another writer was at the same item or key: read again and decide again."""
    if fault.code in {"TransactionConflictException", "ConditionalRequestConflict", "OperationAborted"}:
        return True
    return any(reason.code == "TransactionConflict" for reason in fault.reasons)


def throttled(fault: AwsFault) -> bool:
    """Return whether only the rate was exceeded; of a transaction, whether no write failed for another reason."""
    return fault.code in THROTTLES or fault.status == 429 or _canceled_by(fault, THROTTLES)


def contended(fault: AwsFault) -> bool:
    """Return whether only another transaction was at one of the items, so that no condition was checked: try again."""
    return fault.code == "TransactionConflictException" or _canceled_by(fault, THROTTLES | {"TransactionConflict"})


def _canceled_by(fault: AwsFault, codes: frozenset[str]) -> bool:
    reasons = {reason.code for reason in fault.reasons} - {"None"}
    return bool(reasons) and reasons <= codes


def precondition_failed(fault: AwsFault) -> bool:
    """Return whether S3 did not write because of If-None-Match, If-Match, or another write under way (409)."""
    return fault.status == 412 or fault.code == "ConditionalRequestConflict"


def not_found(fault: AwsFault) -> bool:
    """Return whether there is no such object, queue, topic, table, function or parameter."""
    return fault.status == 404 or fault.code in {
        "AWS.SimpleQueueService.NonExistentQueue",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that last as long as the process, as Lambda hands them out."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key})"


class KeyServer(msgspec.Struct, frozen=True, kw_only=True):
    """The address at which a container requests its task's keys, with the token or the file that holds it."""

    url: str
    token: str = ""
    token_file: str = ""

    def __repr__(self) -> str:
        return f"KeyServer({self.url})"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The destination of calls: AWS itself, or with ``url`` an emulator that responds for every service."""

    region: str
    url: str | None = None
    credentials: Credentials | None = None
    key_server: KeyServer | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Endpoint":
        """Return the endpoint that the usual AWS variables name. Raises BadInput if there is no region."""
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise BadInput("there is no AWS region; set AWS_REGION")
        url = environ.get("AWS_ENDPOINT_URL") or None
        return cls(region=region, url=url, credentials=_credentials(environ), key_server=_key_server(environ))


def _credentials(environ: Mapping[str, str]) -> Credentials | None:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    return Credentials(access_key=access, secret_key=secret, token=environ.get("AWS_SESSION_TOKEN") or None)


def _key_server(environ: Mapping[str, str]) -> KeyServer | None:
    """Read the variables as the AWS SDKs do. Raises BadInput for a host that must not see the token."""
    relative, full = (environ.get(f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
    if not relative and not full:
        return None
    url = f"http://{TASK_HOSTS[0]}{relative}" if relative else str(full)
    host = urlsplit(url).hostname or ""
    if not url.startswith("https://") and host not in TASK_HOSTS and not re.fullmatch(r"127(\.\d{1,3}){3}", host):
        raise BadInput(f"AWS_CONTAINER_CREDENTIALS_FULL_URI is at {host}; it must be https, or the task's own host")
    token, file = (environ.get(f"AWS_CONTAINER_AUTHORIZATION_TOKEN{kind}", "") for kind in ("", "_FILE"))
    return KeyServer(url=url, token=token, token_file=file)


class RecordedCall(NamedTuple):
    """A call with its parameters; retries are not counted."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


def with_recording(call: Call, sink: Callable[[RecordedCall], object]) -> Call:
    """Return a call that reports each call to the sink before making it; a list's ``append`` is a sink."""

    @wraps(call)
    def recording(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        sink(RecordedCall(service, operation, parameters))
        return call(service, operation, parameters)

    return recording


# What knows no owner: there is none yet, or it is who asks.
UNOWNED = frozenset({"CreateBucket", "ListBuckets"})


def with_expected_owner(call: Call, owner: Callable[[], str]) -> Call:
    """Return a call that reaches no bucket but the owner's: a deleted bucket's name may be taken by somebody else.

    ``owner`` is called for each call to S3; it returns "" where the owner is not to be checked.
    """

    @wraps(call)
    def asking(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service != "s3" or operation in UNOWNED or not owner():
            return call(service, operation, parameters)
        return call(service, operation, {**parameters, "ExpectedBucketOwner": owner()})

    return asking
