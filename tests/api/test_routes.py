"""The access to every route: every route with every kind of caller, and every other method."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fanfold.api import openapi
from fanfold.api.problems import MEDIA_TYPE
from fanfold.api.requests import BODY_BYTES_MAX
from fanfold.api.routes import ROUTES, Route
from support.api_desk import ANNA, READER, World, answered, event

NOBODY_KNOWN: dict[str, Any] = {"jwt": {"claims": {}}}
SIGNED_IN: dict[str, Any] = {"jwt": {"claims": {"sub": "carol", "scope": "openid fanfold/halt fanfold/resume"}}}
CALLERS = {"nobody": None, "a token without a subject": NOBODY_KNOWN, "reader": READER, "signed in": SIGNED_IN,
           "operator": ANNA}  # fmt: skip
# What each caller gets on a route of an access: 0 is whatever the route itself answers.
EXPECTED = {
    "read": {"nobody": 401, "a token without a subject": 401, "reader": 0, "signed in": 0, "operator": 403},
    "control": {"nobody": 401, "a token without a subject": 401, "reader": 403, "signed in": 403, "operator": 0},
    "page": {"nobody": 401, "a token without a subject": 401, "reader": 403, "signed in": 0, "operator": 403},
    "chat": dict.fromkeys(CALLERS, 401),
    # The signature says who it is; without one it is nobody, whoever the gateway knows.
    "webhook": dict.fromkeys(CALLERS, 401),
}
HALT, RESUME = {"reason": "r"}, {"account": "main", "reason": "r"}
BODIES = {"halt": HALT, "resume": RESUME, "page_halt": HALT, "page_resume": RESUME}
QUERIES = {"trades": "account=main&day=2026-03-01"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "BREW")


def function(world: World, route: Route) -> Callable[[dict[str, Any]], dict[str, Any]]:
    if route.access in {"webhook", "chat"}:
        return {"external": world.webhook, "fills": world.fills, "chat": world.chat}[route.name]
    return world.read if route.access == "read" else world.control


def path_of(route: Route) -> str:
    return route.path.replace("{order}", "gone").replace("{platform}", "telegram")


def request_to(route: Route, who: dict[str, Any] | None) -> dict[str, Any]:
    path = path_of(route)
    return event(
        route.method,
        path,
        QUERIES.get(route.name, ""),
        who=who,
        body=BODIES.get(route.name),
        idempotency_key="key-00000001",
    )


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_responds_only_to_callers_with_its_scope(world, route, caller):
    answer = answered(function(world, route), request_to(route, CALLERS[caller]))
    expected = EXPECTED[route.access][caller]
    assert answer.status == expected or (expected == 0 and answer.status not in {401, 403})
    if expected:
        assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_without_the_scope_cannot_halt(world, caller):
    (route,) = [route for route in ROUTES if route.name == "halt"]
    answered(world.control, request_to(route, CALLERS[caller]))
    assert (world.halted() == "HALTED") == (caller == "operator")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_method_that_a_path_lacks_is_405_with_the_allowed_methods(traded, route, method):
    """Whatever no other function serves comes to audit's, as the gateway routes it."""
    if method == route.method:
        return
    answer = answered(traded.read, event(method, path_of(route), who=READER))
    assert (answer.status, answer.headers["allow"]) == (405, route.method)


def test_a_route_of_another_function_is_not_found(traded):
    assert answered(traded.read, event("POST", "/halt", who=ANNA, body={"reason": "r"})).status == 404
    assert answered(traded.control, event("GET", "/status", who=READER)).status == 404


@pytest.mark.parametrize("body", ["x" * (BODY_BYTES_MAX + 1), "ä" * BODY_BYTES_MAX, "A" * 10**6])
def test_a_body_over_the_cap_is_refused(world, body):
    assert answered(world.control, event("POST", "/halt", who=ANNA, body=body)).status == 413
    packed = event("POST", "/halt", who=ANNA, body="QUJD" * (BODY_BYTES_MAX // 3 + 2)) | {"isBase64Encoded": True}
    assert answered(world.control, packed).status == 413


def test_the_document_is_served_as_it_is_written_and_names_every_route(traded):
    served = traded.get("/openapi.json").body
    assert served == json.loads(json.dumps(openapi.document()))
    written = {(method.upper(), path) for path, operations in served["paths"].items() for method in operations}
    assert written == {(route.method, route.path) for route in ROUTES}


def test_every_reference_in_the_document_resolves():
    document = openapi.document()
    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= named


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own | references(list(node.values()))
    return {name for item in node for name in references(item)} if isinstance(node, list) else set()
