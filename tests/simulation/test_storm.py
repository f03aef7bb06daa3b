"""Whatever the simulated exchange does: each intent is there at most once, and the books are the exchange's.

``make storm`` sends 11,000 intents.
"""

import os
import time

import pytest
from order_storm import StormResult, storm

from fanfold.exchange.faults import FAULTS
from fanfold.messages import OrderState
from support import storm_figures

INTENTS = int(os.environ.get("STORM_INTENTS", "80"))
SEED = 7
# Faults after which the exchange refuses orders for good: what they bring is no fault of the desk.
REFUSING = {"precision_change", "delisting", "symbol_halt", "storm"}
# Of what it does not list any more the exchange does not say how it ended.
UNTOLD = {"delisting": {str(OrderState.OPEN), str(OrderState.SUBMITTING)}}
FOUND_OUT = {str(state) for state in (OrderState.FILLED, OrderState.EXPIRED, OrderState.CANCELED, OrderState.STALE)}


@pytest.fixture(scope="module", params=["none", "storm", *FAULTS])
def outcome(request: pytest.FixtureRequest) -> tuple[str, StormResult]:
    plan, began = request.param, time.monotonic()
    result = storm(plan, seed=SEED, intents=INTENTS * (2 if plan == "storm" else 1))
    storm_figures.write(storm_figures.HANDLERS, plan, SEED, result.compared, time.monotonic() - began)
    return plan, result


def test_no_order_is_doubled_lost_or_unexplained(outcome: tuple[str, StormResult]) -> None:
    plan, result = outcome
    assert result.compared.violations == []
    assert result.compared.approved == INTENTS * (2 if plan == "storm" else 1)


def test_every_order_came_to_its_end_and_none_was_rejected_wrongly(outcome: tuple[str, StormResult]) -> None:
    plan, result = outcome
    wrong = set(result.states) - FOUND_OUT - UNTOLD.get(plan, set())
    assert wrong <= ({str(OrderState.REJECTED)} if plan in REFUSING else set())


def test_the_faults_of_the_plan_were_met(outcome: tuple[str, StormResult]) -> None:
    plan, result = outcome
    met = set(result.compared.faults)
    assert met == set() if plan == "none" else len(met) >= 8 if plan == "storm" else met == {plan}
