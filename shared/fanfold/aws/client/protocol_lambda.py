"""Lambda's REST protocol, as far as Invoke and GetFunctionConfiguration go."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fanfold.aws.client.call import AwsFault
from fanfold.aws.client.http import HttpRequest, HttpResponse, Protocol, percent_encode, query_of
from fanfold.errors import BadInput

# How an operation is asked for, and the end of its path.
PATHS = {"lambda.Invoke": ("POST", "invocations"), "lambda.GetFunctionConfiguration": ("GET", "configuration")}
HEADERS = {
    "ClientContext": "x-amz-client-context",
    "InvocationType": "x-amz-invocation-type",
    "LogType": "x-amz-log-type",
}
ANSWERS = {
    "FunctionError": "x-amz-function-error",
    "LogResult": "x-amz-log-result",
    "ExecutedVersion": "x-amz-executed-version",
}


def _request(operation: str, parameters: Mapping[str, Any]) -> HttpRequest:
    if operation not in PATHS:
        raise BadInput(f"the light client does not know {operation}; take boto3")
    method, end = PATHS[operation]
    unknown = sorted(parameters.keys() - HEADERS.keys() - {"FunctionName", "Qualifier", "Payload"})
    if unknown:
        raise BadInput(f"the light client does not know {unknown[0]} of {operation}; take boto3")
    if not parameters.get("FunctionName"):
        raise BadInput(f"{operation} needs FunctionName")
    headers = {HEADERS[key]: value for key, value in parameters.items() if key in HEADERS}
    path = f"/2015-03-31/functions/{percent_encode(parameters['FunctionName'])}/{end}"
    query = query_of({key: value for key, value in parameters.items() if key == "Qualifier"})
    return HttpRequest(method, path, query, headers, _bytes(parameters.get("Payload", b"")))


def _bytes(payload: bytes | str) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def _response(operation: str, answer: HttpResponse) -> dict[str, Any]:
    if operation == "GetFunctionConfiguration":
        configuration: dict[str, Any] = msgspec.json.decode(answer.body)
        return configuration
    headers = {key: answer.headers[name] for key, name in ANSWERS.items() if name in answer.headers}
    return {"StatusCode": answer.status, "Payload": answer.body} | headers


def _fault(answer: HttpResponse) -> AwsFault:
    try:
        error = msgspec.json.decode(answer.body) if answer.body else {}
    except msgspec.DecodeError:
        return AwsFault(str(answer.status), answer.body[:200].decode(errors="replace"), answer.status)
    code = answer.headers.get("x-amzn-errortype") or error.get("__type") or str(answer.status)
    return AwsFault(code.partition(":")[0], error.get("Message") or error.get("message") or "", answer.status)


PROTOCOL = Protocol(_request, _response, _fault)
