"""Invoke a function of a service by its name in a stage."""

import json
from collections.abc import Callable
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.errors import NotReachable


def invoke(call: Call, service: str, function: str, event: dict[str, Any], stage: str) -> dict[str, Any]:
    """Invoke a function once, and return its response. Raises AwsFault for what it raised, by its exception's name."""
    name = f"fanfold-{service}-{stage}-{function}"
    answer = call("lambda", "Invoke", {"FunctionName": name, "Payload": json.dumps(event).encode()})
    document = json.loads(answer["Payload"] or b"null")
    if answer.get("FunctionError"):
        raise AwsFault(str(document.get("errorType")), f"{name}: {document.get('errorMessage')}", 500)
    result: dict[str, Any] = document
    return result


def invoker(call: Call, stage: str) -> Callable[[str, str, dict[str, Any]], dict[str, Any]]:
    """Return what hands an event to a function of a service. It raises NotReachable where there is no response."""

    def invoke_once(service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        try:
            return invoke(call, service, function, event, stage)
        except AwsFault as fault:
            raise NotReachable(f"{service} did not answer ({fault.code}).") from fault

    return invoke_once
