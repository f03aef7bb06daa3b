"""Invoke a function of a service by its name in a stage."""

import json
from typing import Any

from fanfold.aws.client.call import AwsFault, Call


def invoke(call: Call, service: str, function: str, event: dict[str, Any], stage: str) -> dict[str, Any]:
    """Invoke a function once, and return its response. Raises AwsFault for what it raised, by its exception's name."""
    name = f"fanfold-{service}-{stage}-{function}"
    answer = call("lambda", "Invoke", {"FunctionName": name, "Payload": json.dumps(event).encode()})
    document = json.loads(answer["Payload"] or b"null")
    if answer.get("FunctionError"):
        raise AwsFault(str(document.get("errorType")), f"{name}: {document.get('errorMessage')}", 500)
    result: dict[str, Any] = document
    return result
