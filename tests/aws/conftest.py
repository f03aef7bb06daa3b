"""The calls that adapter tests run on: each emulator with each client, emptied before every test."""

from collections.abc import Iterator

import pytest
from moto import mock_aws
from sequences import Emulation

from fanfold.aws.client.call import Call
from fanfold.aws.client.connect import connect
from support.emulator import IN_PROCESS, Cloud, Emulator, Pair, ministack, moto_server, through_boto3


@pytest.fixture(scope="session")
def ministack_session() -> Iterator[Emulator]:
    with ministack() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def moto_session() -> Iterator[Emulator]:
    with moto_server() as emulator:
        yield emulator


@pytest.fixture(params=["ministack-light", "ministack-boto3", "moto-light", "moto-boto3"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """An empty AWS, four times: on ministack and on moto, through the light client and through boto3."""
    name: str = request.param
    if name == "moto-boto3":
        with mock_aws():
            call = through_boto3(IN_PROCESS)
            yield Cloud(call, call, name)
        return
    emulator = _emptied(request, name.partition("-")[0])
    admin = through_boto3(emulator.endpoint)
    yield Cloud(admin if name.endswith("boto3") else connect("light", emulator.endpoint), admin, name)


@pytest.fixture
def call(cloud: Cloud) -> Call:
    return cloud.call


@pytest.fixture
def admin(cloud: Cloud) -> Call:
    return cloud.admin


@pytest.fixture(params=["ministack", "moto"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulation]:
    """Ministack in a process of its own, or moto in this one."""
    if request.param == "moto":
        with mock_aws():
            yield Emulation("moto", through_boto3(IN_PROCESS))
    else:
        yield Emulation("ministack", through_boto3(_emptied(request, "ministack").endpoint))


@pytest.fixture(params=["ministack", "moto"])
def pair(request: pytest.FixtureRequest) -> Pair:
    emulator = _emptied(request, request.param)
    return Pair(connect("light", emulator.endpoint), through_boto3(emulator.endpoint), emulator.reset, request.param)


def _emptied(request: pytest.FixtureRequest, name: str) -> Emulator:
    emulator: Emulator = request.getfixturevalue(f"{name}_session")
    emulator.reset()
    return emulator
