"""Connect to AWS: a client behind the seam, with retries."""

import os
import random
import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Literal

from fanfold.aws.client.call import NO_ANSWER, AwsFault, Call, Endpoint, contended, throttled
from fanfold.errors import Backoff

Client = Literal["light", "boto3"]

TRIES = 4
PAUSE_S = 0.05
PAUSE_S_MAX = 1.6
# Real time and chance, for whoever shares a table with other processes.
BACKOFF = Backoff(time.sleep, random.random)


def connect(client: Client, endpoint: Endpoint) -> Call:
    """Return a call that retries, on the light client or on boto3; both behave alike.

    The light client takes a fifth of boto3's CPU a call, and a fifth of the time to get ready, and knows the operations
    of a trading desk, keys in the environment and a container's task; boto3 knows the rest of AWS and of credentials.
    """
    # Each image holds, and each process imports, only the client it uses.
    if client == "boto3":
        from fanfold.aws.client.boto3_client import boto3_call  # noqa: PLC0415

        return with_retries(boto3_call(endpoint))
    from fanfold.aws.client.light import light_call  # noqa: PLC0415

    return with_retries(light_call(endpoint))


def with_retries(
    call: Call, sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random
) -> Call:
    """Try up to TRIES times on throttling, contention, server errors and silence, with jittered, growing pauses.

    A write whose answer was lost is written again. That is safe here because every write of Fanfold is conditional or
    idempotent, with one thing to know: such a write can find its own first try and be told that its condition failed,
    so who is refused must look at what lies there before believing that another came first. A Lambda function is only
    invoked again if it surely did not run.
    """

    @wraps(call)
    def persisting(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        whole = _with_token(parameters) if operation == "TransactWriteItems" else parameters
        for attempt in range(1, TRIES):
            try:
                return call(service, operation, whole)
            except AwsFault as fault:
                if not _passes(fault, operation):
                    raise
            pause(attempt, sleep, chance)
        return call(service, operation, whole)

    return persisting


def pause(
    attempt: int, sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random
) -> None:
    """Wait after the first attempt, the second and so on: jittered, and longer each time up to a bound."""
    Backoff(sleep, chance).wait(attempt, PAUSE_S, PAUSE_S_MAX)


def _with_token(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Use one token for all tries, so that a transaction that succeeded unseen is not run twice."""
    if "ClientRequestToken" in parameters:
        return parameters
    return {**parameters, "ClientRequestToken": os.urandom(16).hex()}


def _passes(fault: AwsFault, operation: str) -> bool:
    if operation == "Invoke" or throttled(fault):
        return throttled(fault)
    unanswered = fault.status >= 500 or fault.status == NO_ANSWER
    return unanswered or contended(fault) or fault.code == "ConditionalRequestConflict"
