"""The HTTP API as it is packaged: each route with whom it asks, and the function that answers."""

from typing import Any, NamedTuple

from support.packaged_stacks import Stacks

AUTHORITIES = {"JWT": "jwt", "AWS_IAM": "iam", "NONE": ""}


class PackagedRoute(NamedTuple):
    """``key`` is "POST /halt" or "$default"; ``target`` what the gateway invokes, as the template names it."""

    key: str
    authority: str
    stack: str
    target: dict[str, Any]
    function: str
    scopes: list[str]


def packaged_routes(stacks: Stacks) -> list[PackagedRoute]:
    """Every route of a stage. Raises AssertionError where a JWT is asked for that is not the platform's readers'."""
    return [_route(stacks, stack, route["Properties"]) for stack, _, route in stacks.of("AWS::ApiGatewayV2::Route")]


def _route(stacks: Stacks, stack: str, properties: dict[str, Any]) -> PackagedRoute:
    kind = properties.get("AuthorizationType", "NONE")
    if kind == "JWT":
        assert stacks.resolve(stack, properties["AuthorizerId"]) == "platform-HttpApiReaders"
    integration = properties["Target"]["Fn::Join"][1][1]["Ref"]
    target = stacks.properties(stack, integration)["IntegrationUri"]
    return PackagedRoute(
        properties["RouteKey"],
        AUTHORITIES[kind],
        stack,
        target,
        stacks.function(stack, target),
        properties.get("AuthorizationScopes", []),
    )


def permitted(stacks: Stacks) -> set[tuple[str, str]]:
    """The functions that the API may invoke, as (stack, ARN or name); raises AssertionError where another API may."""
    invocable: set[tuple[str, str]] = set()
    for stack, _, permission in stacks.of("AWS::Lambda::Permission"):
        properties = stacks.resolve(stack, permission["Properties"])
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert properties["Action"] == "lambda:InvokeFunction"
        assert ":execute-api:" in properties["SourceArn"]
        assert ":platform-HttpApi/" in properties["SourceArn"]
        invocable.add((stack, properties["FunctionName"]))
    return invocable
