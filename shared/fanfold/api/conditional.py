"""Conditional reads: a response is tagged by its body, and a caller who has that body gets 304 and no body."""

from hashlib import blake2b
from typing import Any

UNCHANGED = 304


def unless_known(event: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """Return the response to a GET with its ETag, or 304 where the request's If-None-Match names that tag."""
    if event["requestContext"]["http"]["method"] != "GET" or response["statusCode"] != 200:
        return response
    tag = f'"{blake2b(response["body"].encode(), digest_size=16).hexdigest()}"'
    tagged = response | {"headers": response["headers"] | {"etag": tag}}
    if tag not in _named(event.get("headers") or {}):
        return tagged
    headers = {name: value for name, value in tagged["headers"].items() if name != "content-type"}
    return tagged | {"statusCode": UNCHANGED, "headers": headers, "body": ""}


def _named(headers: dict[str, str]) -> set[str]:
    """Return the tags that If-None-Match names; a weak one is as good, for a proxy may have weakened it."""
    values = [value for name, value in headers.items() if name.lower() == "if-none-match"]
    return {tag.strip().removeprefix("W/") for value in values for tag in value.split(",")}
