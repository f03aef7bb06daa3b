"""The OpenAPI document of the routes, from the records of their requests and responses."""

from inspect import cleandoc
from types import NoneType
from typing import Any, get_args

import msgspec

from fanfold.api import webhooks
from fanfold.api.idempotency import KEY_HEADER, KEY_PATTERN
from fanfold.api.problems import MEDIA_TYPE, GatewayMessage, ProblemDocument
from fanfold.api.routes import ROUTES, Route

_REF = "#/components/schemas/{name}"
_SECURITY: dict[str, Any] = {
    "jwt": {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://issuer.invalid/.well-known/openid-configuration",
        "description": "A bearer token of the issuer and audience that the stage names.",
    },
    "iam": {
        "type": "apiKey",
        "in": "header",
        "name": "authorization",
        "description": "AWS Signature Version 4.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "hmac": {
        "type": "apiKey",
        "in": "header",
        "name": webhooks.SIGNATURE,
        "description": "HMAC-SHA256, in hex, of timestamp.nonce.body with a secret of the desk.",
    },
    "telegram": {
        "type": "apiKey",
        "in": "header",
        "name": "x-telegram-bot-api-secret-token",
        "description": "The secret token that the bot's webhook was set with.",
    },
    "slack": {
        "type": "apiKey",
        "in": "header",
        "name": "x-slack-signature",
        "description": "v0= and the HMAC-SHA256 of v0:timestamp:body with the app's signing secret.",
    },
    "discord": {
        "type": "apiKey",
        "in": "header",
        "name": "x-signature-ed25519",
        "description": "The application's signature of timestamp and body.",
    },
}
_SCHEMES = {
    "read": ("jwt",),
    "control": ("iam",),
    "page": ("jwt",),
    "webhook": ("hmac",),
    "chat": ("telegram", "slack", "discord"),
}
_REFUSALS = {
    "read": (400, 401, 403, 404),
    "control": (400, 401, 403, 404, 409, 413, 415, 422),
    "page": (400, 401, 403, 404, 409, 413, 415, 422),
    "webhook": (400, 401, 404, 409, 413, 415),
    "chat": (400, 401, 404, 409, 413, 415),
}
# Responses of the gateway itself. Its JSON cannot be configured on an HTTP API.
_GATEWAYS: dict[str, dict[int, str]] = {
    "read": {401: "Unauthorized", 403: "Forbidden"},
    "control": {403: "Forbidden"},
    "page": {401: "Unauthorized", 403: "Forbidden"},
    "webhook": {},
    "chat": {},
}
_ALWAYS = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


def document() -> dict[str, Any]:
    """Return the document in OpenAPI 3.1, with the schemas of every record in its components."""
    kinds = [kind for route in ROUTES for kind in _kinds(route)] + [ProblemDocument, GatewayMessage]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    for described in components.values():
        # Python 3.13 takes the indentation off docstrings, those before do not.
        described["description"] = cleandoc(described["description"])
    known = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fanfold",
            "version": "1",
            "description": "A crypto trading desk: what it does, and halt.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _kinds(route: Route) -> list[Any]:
    return [*route.gives.values(), *([route.body] if route.body else [])]


def _operation(route: Route, known: dict[str, Any]) -> dict[str, Any]:
    responses = {
        str(status): _content("application/json", known[repr(kind)], "Done.") for status, kind in route.gives.items()
    }
    refused = _refused(route, known[repr(ProblemDocument)], known[repr(GatewayMessage)])
    if route.method == "GET":
        responses["304"] = {"description": "Unchanged: the caller has the body of the ETag in If-None-Match."}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "security": [{name: [route.scope] if route.scope else []} for name in _SCHEMES[route.access]],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": responses | refused,
    }
    if route.body:
        content = {"application/json": {"schema": known[repr(route.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _refused(route: Route, problem: Any, message: Any) -> dict[str, Any]:
    """Return the rejections by status: ours, the gateway's, or either."""
    refusals = (*_REFUSALS[route.access], *route.refuses)
    responses = {status: _content(MEDIA_TYPE, problem, "Refused (RFC 9457).") for status in refusals}
    for status, text in (_GATEWAYS[route.access] | _ALWAYS).items():
        own = _content("application/json", message, f'By the gateway: {{"message": "{text}"}}.')
        known = responses.get(status, {"description": "", "content": {}})
        description = f"{known['description']} {own['description']}".strip()
        responses[status] = {"description": description, "content": known["content"] | own["content"]}
    return {str(status): responses[status] for status in sorted(responses)}


def _content(media: str, schema: Any, about: str) -> dict[str, Any]:
    return {"description": about, "content": {media: {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    named = [part.strip("{}") for part in route.path.split("/") if part.startswith("{")]
    return [_parameter("path", name, {"type": "string", "minLength": 1}, required=True) for name in named]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    parameters = []
    for field in msgspec.structs.fields(route.query):
        # What may be left out is never given as null.
        kinds = [kind for kind in get_args(field.type) if kind is not NoneType]
        kind = kinds[0] if NoneType in get_args(field.type) else field.type
        parameters.append(_parameter("query", field.encode_name, msgspec.json.schema(kind), required=field.required))
    return parameters


def _headers(route: Route) -> list[dict[str, Any]]:
    if route.method == "GET":
        return [_parameter("header", "if-none-match", {"type": "string"}, required=False)]
    if route.access in {"control", "page"}:
        return [_parameter("header", KEY_HEADER, {"type": "string", "pattern": KEY_PATTERN}, required=True)]
    if route.access == "webhook":
        text = {"type": "string"}
        return [_parameter("header", name, text, required=True) for name in (webhooks.TIMESTAMP, webhooks.NONCE)]
    return []


def _parameter(where: str, name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"in": where, "name": name, "required": required, "schema": schema}
