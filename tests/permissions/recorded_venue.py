"""What execution asks for where orders are real, which no journey on paper does: the venue's keys."""

from datetime import UTC, datetime

from packaged_stacks import Function

from execution_service.keys import check
from fanfold.aws.calls import Recorded, recorded
from fanfold.aws.recording import Line
from fanfold.aws.secrets import SecureParameter

KEYS = {"Parameter": {"Value": '{"apiKey": "one", "secret": "another"}', "Version": 1}}


def venue_calls(function: Function) -> list[Line]:
    """The calls of the check that is made before an order is placed, where the function's stage names them."""
    if "VENUE_SECRET" not in function.environment:
        return []
    made: list[Recorded] = []
    call = recorded(lambda *_: KEYS, made.append)
    name = function.environment["VENUE_SECRET"]
    check(name, SecureParameter(call, name, lambda: datetime.now(UTC)).values())
    return [Line(function=function.name, service=one.service, operation=one.operation, parameters=dict(one.parameters))
            for one in made]  # fmt: skip
