"""The API as it is served on loopback, held against its own document by generated requests, right and wrong."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.api import openapi
from fanfold.local import http_gateway
from fanfold.local.http_gateway import READING, TARGETS, Gateway, RouteTarget
from support.api_desk import ANNA, READER, World

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is in the test extra: run `make install`")
EXAMPLES = 12
TOO_LARGE = 413
DESCRIBED = schemathesis.openapi.from_dict(openapi.document())
# A body that is wrong may be too large before it is anything else.
DESCRIBED.config.checks.negative_data_rejection.expected_statuses.append("413")


@pytest.fixture(scope="module")
def url(traded: World) -> Iterator[str]:
    """The address of the API, which takes every caller for whom the route is."""
    halt, hook, fills = (TARGETS[f"POST {path}"] for path in ("/halt", "/signals/external", "/fills"))
    page_control = dict.fromkeys((TARGETS["POST /page/halt"], TARGETS["POST /page/resume"]), traded.control)
    limits, system = TARGETS["GET /limits"], TARGETS["GET /system"]
    functions = {READING: traded.read, halt: traded.control, hook: traded.webhook, fills: traded.fills,
                 limits: traded.limits, system: traded.system} | page_control  # fmt: skip
    alone: dict[RouteTarget, Any] = {
        target: lambda event, _context, answer=answer: answer(event) for target, answer in functions.items()
    }
    listening = http_gateway.server(Gateway(alone, {"jwt": READER, "iam": ANNA}), 0)
    Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


OPERATIONS = [
    (method.upper(), path) for path, operations in openapi.document()["paths"].items() for method in operations
]
# Of these nothing can be asked in a wrong way.
FOOLPROOF = {"/openapi.json", "/orders/{order}", "/chat/{platform}", "/system"}
CASES = [
    (method, path, right) for method, path in OPERATIONS for right in (True, False) if right or path not in FOOLPROOF
]


@pytest.mark.parametrize(("method", "path", "right"), CASES)
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_responses_match_the_openapi_document(url, method, path, right, data):
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

    mode = GenerationMode.POSITIVE if right else GenerationMode.NEGATIVE
    case = data.draw(DESCRIBED[path][method].as_strategy(generation_mode=mode))
    # The gateway asks who it is, not the functions; and a cursor of the right shape may still be none.
    response = case.call(base_url=url)
    # A body that is too large is rejected before what is in it.
    more = [negative_data_rejection] if response.status_code == TOO_LARGE else []
    case.validate_response(response, excluded_checks=[ignored_auth, positive_data_acceptance, *more])
