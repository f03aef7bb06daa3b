"""The API over moto's tables: one with a short history, and empty ones."""

from collections.abc import Iterator
from itertools import count

import pytest
from moto import mock_aws

from fanfold.aws.client.call import Call, Credentials, Endpoint
from fanfold.aws.client.connect import connect
from support.api_desk import ORDERS, World, history

NUMBERS = count()
IN_PROCESS = Endpoint(region="eu-west-1", credentials=Credentials(access_key="test", secret_key="test"))


@pytest.fixture(scope="module")
def call() -> Iterator[Call]:
    with mock_aws():
        yield connect("boto3", IN_PROCESS)


@pytest.fixture(scope="module")
def traded(call: Call) -> World:
    """A desk that is only read."""
    return World(call, history(ORDERS), f"desk-{next(NUMBERS)}")


@pytest.fixture
def world(call: Call) -> World:
    return World(call, [], f"desk-{next(NUMBERS)}")
