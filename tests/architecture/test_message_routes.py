"""Each message type that a service is subscribed to has a verb, and no other type has."""

from importlib import import_module

import pytest

from execution_service.execute import OrderExecution
from fanfold.aws.function.sqs import verb_of
from fanfold.errors import BadInput
from fanfold.messages import SUBSCRIPTIONS, TOPICS, Message, OrdersRefused, tag_of
from market_data_service.poll import Poller
from risk_service.assess import PreTradeRisk
from signal_service.fold import StrategyRunner

# Audit records every message in one way, a batch at a time, and so routes none.
VERBS_OF = {
    "market-data": set(dir(Poller)),
    "signal": set(dir(StrategyRunner)),
    "risk": set(dir(PreTradeRisk)),
    "execution": set(dir(OrderExecution)),
}


def routes_of(service: str) -> dict[type[Message], str]:
    routes: dict[type[Message], str] = import_module(f"{service.replace('-', '_')}_service.routes").ROUTES
    return routes


def subscribed(service: str) -> set[type[Message]]:
    return {
        kind
        for topic, wanted in SUBSCRIPTIONS[service].items()
        for kind in TOPICS[topic]
        if tag_of(kind) in wanted.get("type", [tag_of(kind)])
    }


@pytest.mark.parametrize("service", VERBS_OF)
def test_exactly_the_subscribed_types_have_a_route_and_each_route_a_verb(service: str) -> None:
    assert set(routes_of(service)) == subscribed(service)
    assert set(routes_of(service).values()) <= VERBS_OF[service]


def test_every_service_but_audit_routes() -> None:
    assert set(VERBS_OF) == set(SUBSCRIPTIONS) - {"audit"}


@pytest.mark.parametrize("service", VERBS_OF)
def test_a_type_without_a_route_is_bad_input(service: str) -> None:
    message = OrdersRefused(id="x", cause="x", at="2026-03-01T00:00:00Z", account="main", refusals=[])  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no route for OrdersRefused"):
        verb_of(routes_of(service), message)
