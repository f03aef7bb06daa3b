"""The HTTP API as the chat uses it: the same functions, rules and responses as for everybody else."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from fanfold.api.idempotency import KEY_HEADER
from fanfold.api.problems import Problem, ProblemDocument
from fanfold.api.requests import CHAT
from fanfold.operators.persons import chat_principal

T = TypeVar("T")
# Hands an event to a function of a service and returns its response. Raises NotReachable where there is none.
Invoke = Callable[[str, str, dict[str, Any]], dict[str, Any]]
BAD_REQUEST = 400
READING, CONTROL = ("audit", "api"), ("risk", "api_control")


class DeskApi:
    """Requests in the name of a person; a rejection is a Problem."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def get(self, person: str, path: str, kind: type[T], query: Mapping[str, str | int] | None = None) -> T:
        """Return the body of a response, as the record that the route returns."""
        named = {name: value for name, value in (query or {}).items() if value != ""}
        return self._answered(READING, _event("GET", path, person, urlencode(named)), kind)

    def post(self, person: str, path: str, kind: type[T], body: Mapping[str, Any], key: str) -> T:
        """Return the body of a response; a request that was made before under a key changes nothing again."""
        event = _event("POST", path, person)
        event["headers"] = {"content-type": "application/json", KEY_HEADER: key}
        event["body"] = msgspec.json.encode(body).decode()
        return self._answered(CONTROL, event, kind)

    def _answered(self, function: tuple[str, str], event: dict[str, Any], kind: type[T]) -> T:
        response = self._invoke(*function, event)
        if response["statusCode"] >= BAD_REQUEST:
            problem = msgspec.json.decode(response["body"], type=ProblemDocument)
            raise Problem(problem.status, problem.type.rpartition(":")[2], problem.detail)
        return msgspec.json.decode(response["body"], type=kind)


def _event(method: str, path: str, person: str, query: str = "") -> dict[str, Any]:
    """Return an event in payload format 2.0, of a caller whom the chat has identified."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {},
        "requestContext": {
            "http": {"method": method, "path": path},
            "authorizer": {"lambda": {CHAT: chat_principal(person)}},
        },
        "isBase64Encoded": False,
    }
