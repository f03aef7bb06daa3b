"""Each message type that a service is subscribed to has a verb, and no other type has."""

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules

import pytest
from source_tree import ROOT

from fanfold.aws.function.sqs import verb_of
from fanfold.errors import BadInput
from fanfold.messages import SUBSCRIPTIONS, TOPICS, Message, OrdersRefused, tag_of

# Audit records every message in one way, a batch at a time, and so routes none.
UNROUTED = {"audit"}
ROUTING = sorted(set(SUBSCRIPTIONS) - UNROUTED)


def package_of(service: str) -> str:
    return f"{service.replace('-', '_')}_service"


def modules_of(service: str) -> list[str]:
    return [module.name for module in iter_modules([str(ROOT / "services" / service / package_of(service))])]


def verbs_of(service: str) -> set[str]:
    """Return the methods of all classes that a service defines."""
    modules = [import_module(f"{package_of(service)}.{name}") for name in modules_of(service)]
    defined = ((module.__name__, kind) for module in modules for _, kind in getmembers(module, isclass))
    return {name for module, kind in defined if kind.__module__ == module for name in vars(kind)}


def routes_of(service: str) -> dict[type[Message], str]:
    routes: dict[type[Message], str] = import_module(f"{package_of(service)}.routes").ROUTES
    return routes


def subscribed(service: str) -> set[type[Message]]:
    return {
        kind
        for topic, wanted in SUBSCRIPTIONS[service].items()
        for kind in TOPICS[topic]
        if tag_of(kind) in wanted.get("type", [tag_of(kind)])
    }


@pytest.mark.parametrize("service", ROUTING)
def test_exactly_the_subscribed_types_have_a_route_and_each_route_a_verb(service: str) -> None:
    assert set(routes_of(service)) == subscribed(service)
    assert set(routes_of(service).values()) <= verbs_of(service)


@pytest.mark.parametrize("service", sorted(UNROUTED))
def test_a_service_without_subscriptions_has_no_routes(service: str) -> None:
    assert "routes" not in modules_of(service)


def test_a_route_to_a_missing_method_is_reported() -> None:
    assert "on_report" not in verbs_of("signal")
    assert "fold" in verbs_of("signal")


@pytest.mark.parametrize("service", ROUTING)
def test_a_type_without_a_route_is_bad_input(service: str) -> None:
    message = OrdersRefused(id="x", cause="x", at="2026-03-01T00:00:00Z", account="main", refusals=[])  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no route for OrdersRefused"):
        verb_of(routes_of(service), message)
