"""Limits by SSM parameters on the emulators: tighter at once, wrong never, looser never."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault, RecordedCall, not_found, with_recording
from fanfold.aws.function.runtime_limits import KEPT, RuntimeLimits, tighten
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Limits
from fanfold.errors import BadInput
from support.core_desk import small_desk
from support.emulator import Cloud, Pair, load_in_moto

PATH = "/fanfold/test/limits"
DESK = small_desk()
LIMITS = DESK.limits["main"]


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load_in_moto("ssm")


class World:
    """A desk whose limits are parameters, with what was told and asked."""

    def __init__(self, cloud: Cloud) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.lines, self.seen, self._admin = list[dict[str, Any]](), list[RecordedCall](), cloud.admin
        self.watch = Telemetry({}, lambda: self.now, lambda text: self.lines.append(json.loads(text)))
        call = with_recording(cloud.call, self.seen.append)
        self.runtime = RuntimeLimits(call, PATH, DESK, lambda: self.now, self.watch)

    def put(self, text: str) -> None:
        parameters = {"Name": f"{PATH}/main", "Value": text, "Type": "String", "Overwrite": True}
        self._admin("ssm", "PutParameter", parameters)

    def limits(self) -> Limits:
        return self.runtime.desk().limits["main"]

    def later(self) -> Limits:
        self.now += KEPT
        return self.limits()


@pytest.fixture
def world(cloud: Cloud) -> World:
    return World(cloud)


def test_without_a_parameter_the_desk_file_holds(world: World) -> None:
    assert world.runtime.desk() is DESK
    assert world.lines == []


def test_a_parameter_tightens_within_a_minute_and_its_end_gives_the_desk_file_back(world: World) -> None:
    assert world.limits() == LIMITS
    world.put('{"order_notional_max": "100.5", "orders_per_minute_max": 3}')
    assert world.limits() == LIMITS
    assert len(world.seen) == 1
    tight = world.later()
    assert (tight.order_notional_max, tight.orders_per_minute_max) == (Decimal("100.5"), 3)
    assert tight.position_notional_max == LIMITS.position_notional_max
    world.put("{}")
    assert world.later() == LIMITS


def test_a_desk_that_did_not_change_is_the_same_object(world: World) -> None:
    world.put('{"gross_max": 0.5}')
    first = world.runtime.desk()
    world.now += KEPT
    assert world.runtime.desk() is first


def test_a_wrong_parameter_is_refused_by_name_once_and_the_limits_before_it_stay(world: World) -> None:
    world.put('{"gross_max": 0.5}')
    tight = world.limits()
    world.put('{"gross_max": 7}')
    assert world.later() == world.later() == tight
    refused = [line for line in world.lines if line["level"] == "ERROR"]
    assert len(refused) == 1
    assert "gross_max" in refused[0]["fault"]
    assert refused[0]["account"] == "main"
    world.watch.counts.flush({})
    assert world.lines[-1]["LimitsRefused"] == 1


def test_a_check_fails_for_as_long_as_a_parameter_is_refused(world: World) -> None:
    world.runtime.check()
    world.put('{"gross_max": 7}')
    world.now += KEPT
    for _ in range(2):
        with pytest.raises(BadInput, match="gross_max"):
            world.runtime.check()
    world.put('{"gross_max": 0.5}')
    world.now += KEPT
    world.runtime.check()


def test_an_unreadable_parameter_is_a_fault_only_at_the_first_read() -> None:
    down = False

    def call(_service: str, _operation: str, _parameters: object) -> dict[str, Any]:
        if down:
            raise AwsFault("InternalServerError", "down", 500)
        return {"Parameter": {"Value": '{"gross_max": 0.5}'}}

    world = World(Cloud(call, call, "none"))
    down = True
    with pytest.raises(AwsFault):
        world.limits()
    down = False
    assert world.limits().gross_max == Decimal("0.5")
    down = True
    assert world.later().gross_max == Decimal("0.5")
    assert world.lines[-1]["level"] == "WARNING"


@pytest.mark.parametrize(("text", "named"), [
    ('{"gross": 1}', "gross"), ('{"gross_max": "a lot"}', "gross_max|decimal"), ('{"gross_max": "NaN"}', "gross_max"),
    ('{"gross_max": -1}', "gross_max"), ('{"gross_max": 1.01}', "gross_max"),
    ('{"bar_age_s_max": 1.5}', "bar_age_s_max"), ("[]", "object"), ("none", "malformed"),
])  # fmt: skip
def test_an_invalid_key_of_a_parameter_is_named(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        tighten(LIMITS, text)


def test_both_clients_read_the_same_parameter_and_the_same_lack_of_one(pair: Pair) -> None:
    pair.boto3("ssm", "PutParameter", {"Name": f"{PATH}/main", "Value": "{}", "Type": "String"})
    light, theirs = (call("ssm", "GetParameter", {"Name": f"{PATH}/main"}) for call in (pair.light, pair.boto3))
    assert light == theirs
    for call in (pair.light, pair.boto3):
        with pytest.raises(AwsFault) as fault:
            call("ssm", "GetParameter", {"Name": "/none"})
        assert not_found(fault.value)
