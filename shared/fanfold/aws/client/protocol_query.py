"""The AWS query protocol: SNS."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.client import responses
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from fanfold.aws.client.call import AwsFault
from fanfold.aws.client.http import HttpRequest, HttpResponse, Protocol
from fanfold.errors import BadInput

OPERATIONS = frozenset({"sns.Publish", "sns.PublishBatch"})


def _request(operation: str, parameters: Mapping[str, Any]) -> HttpRequest:
    if operation not in OPERATIONS:
        raise BadInput(f"the light client does not know {operation}; take boto3")
    pairs = [("Action", operation.partition(".")[2]), ("Version", "2010-03-31")]
    for key, value in parameters.items():
        pairs += _flattened(key, value)
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return HttpRequest("POST", "/", "", headers, urlencode(pairs).encode())


def _flattened(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, bytes):
        yield prefix, b64encode(value).decode()
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value, 1):
            yield from _flattened(f"{prefix}.member.{number}", entry)
    elif isinstance(value, dict) and prefix.endswith("MessageAttributes"):
        for number, (name, entry) in enumerate(value.items(), 1):
            yield f"{prefix}.entry.{number}.Name", name
            yield from _flattened(f"{prefix}.entry.{number}.Value", entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _flattened(f"{prefix}.{key}", entry)
    else:
        yield prefix, str(value)


def _response(operation: str, answer: HttpResponse) -> dict[str, Any]:
    result = read_tree(answer.body).find(f"{operation}Result")
    entries = {} if result is None else {entry.tag: entry for entry in result}
    if operation == "Publish":
        return {key: entry.text or "" for key, entry in entries.items()}
    return {key: [_entry(member) for member in entry] for key, entry in entries.items()}


def _entry(member: ET.Element) -> dict[str, Any]:
    entry: dict[str, Any] = {child.tag: child.text or "" for child in member}
    if "SenderFault" in entry:
        entry["SenderFault"] = entry["SenderFault"] == "true"
    return entry


def read_fault(answer: HttpResponse) -> AwsFault:
    """Return the fault in an XML response; the status stands for the code where there is none, as after HEAD."""
    code, message = str(answer.status), answer.body[:200].decode(errors="replace") or responses.get(answer.status, "")
    try:
        error = next(read_tree(answer.body).iter("Error"), None)
    except ET.ParseError:
        error = None
    if error is not None:
        code, message = error.findtext("Code", code), error.findtext("Message", "")
    return AwsFault(code, message, answer.status)


def read_tree(body: bytes) -> ET.Element:
    """Parse an XML response and remove the namespaces from its tags."""
    tree = ET.fromstring(body)  # noqa: S314 - AWS's own answer over TLS, or the emulator's on loopback
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    return tree


PROTOCOL = Protocol(_request, _response, read_fault)
