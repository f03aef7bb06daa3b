"""The packaged HTTP API is the contract's: the same routes, for the same callers, to the same functions."""

import json
import re
from pathlib import Path

import pytest
from packaged_routes import PackagedRoute, packaged_routes, permitted

from fanfold.api.routes import AUTHORITIES, ROUTES
from fanfold.local import http_gateway
from support.alerts_stage import packaged_alerts
from support.packaged_stacks import ACCOUNT, REGION, Stacks, packaged
from support.packaged_stages import STAGES
from support.policies import Statement, allowed, statement

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
# Who answers for an access, or for a route by its name: the service, and its function.
ANSWERS = {"read": ("audit", "api"), "control": ("risk", "api_control"), "page": ("risk", "api_control"),
           "external": ("signal", "webhook"),
           "fills": ("execution", "fills"), "limits": ("risk", "api_limits"), "system": ("audit", "api_system"),
           "research": ("audit", "api_system"), "chat": ("alerts", "chat")}  # fmt: skip
DEFAULT = "$default"


@pytest.fixture(scope="module", params=STAGES)
def named(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def stacks(named) -> Stacks:
    return packaged(named)


@pytest.fixture(scope="module")
def routes(stacks) -> dict[str, PackagedRoute]:
    packaged = packaged_routes(stacks)
    assert len({route.key for route in packaged}) == len(packaged)
    return {route.key: route for route in packaged}


@pytest.fixture(scope="module")
def every_route(named, routes) -> dict[str, PackagedRoute]:
    """The routes of the desk, and that of the optional alerts."""
    return routes | {route.key: route for route in packaged_routes(packaged_alerts(named))}


def test_every_route_of_the_contract_is_packaged_with_its_authority(every_route):
    for route in ROUTES:
        target = every_route.get(f"{route.method} {route.path}", every_route[DEFAULT])
        service, function = ANSWERS.get(route.name) or ANSWERS[route.access]
        assert target.authority == AUTHORITIES[route.access], route.name
        assert target.scopes == ([route.scope] if route.scope else []), route.name
        assert re.fullmatch(f"fanfold-{service}-.+-{function}", target.function), route.name


def test_every_packaged_route_is_in_the_contract(routes):
    known = {f"{route.method} {route.path}" for route in ROUTES}
    assert set(routes) - known == {DEFAULT}


def test_an_unknown_path_needs_a_token_before_it_is_refused(routes):
    assert routes[DEFAULT].authority == "jwt"


def test_only_webhooks_need_no_token_and_their_functions_check_a_signature(every_route):
    unasked = {route.key for route in every_route.values() if not route.authority}
    assert unasked == {"POST /signals/external", "POST /fills", "POST /chat/{platform}"}
    assert {route.name for route in ROUTES if not AUTHORITIES[route.access]} == {"external", "fills", "chat"}


def test_the_gateway_on_loopback_sends_every_route_where_the_packaged_one_does(routes):
    local = http_gateway.TARGETS | {DEFAULT: http_gateway.READING}
    assert set(local) == set(routes)
    for key, target in routes.items():
        assert target.authority == local[key].authority
        assert re.fullmatch(f"fanfold-{local[key].service}-.+-{local[key].function}", target.function)


def test_the_api_may_invoke_what_its_routes_name_and_nothing_else(stacks, routes):
    assert permitted(stacks) == {(route.stack, stacks.resolve(route.stack, route.target)) for route in routes.values()}


def test_where_a_function_has_a_live_alias_its_routes_name_that(stacks, routes):
    aliased = {stacks.function(stack, alias["Properties"]["FunctionName"]): stacks.arn(stack, name)
               for stack, name, alias in stacks.of("AWS::Lambda::Alias")}  # fmt: skip
    for route in routes.values():
        if route.function in aliased:
            assert stacks.resolve(route.stack, route.target) == aliased[route.function], route.key


def test_who_may_halt_may_not_resume_and_who_resumes_needs_both_permissions():
    """By the policies that docs/api.md gives: two routes are two resources of execute-api."""
    halting, resuming = documented()
    assert invokable(halting) == {"halt"}
    assert invokable(resuming) == {"halt", "resume"}


def documented() -> list[list[Statement]]:
    """The policies in docs/api.md, with this account in them."""
    blocks = re.findall(r"```json\n(\{\s*\"Version\".*?)```", DOCUMENT.read_text(), re.DOTALL)
    texts = [re.sub("<[a-z-]+>", lambda match: PLACES[match[0]], block) for block in blocks]
    return [[statement(entry) for entry in json.loads(text)["Statement"]] for text in texts]


PLACES = {"<region>": REGION, "<account>": ACCOUNT, "<api-id>": "api"}


def invokable(statements: list[Statement]) -> set[str]:
    """The routes that are asked for by IAM and that a role with these statements may invoke."""
    place = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/$default"
    return {route.name for route in ROUTES if AUTHORITIES[route.access] == "iam"
            and allowed(statements, "execute-api:Invoke", f"{place}/{route.method}{route.path}")}  # fmt: skip
