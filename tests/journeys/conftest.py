"""The six stacks are deployed once; desks trade on copies of what came of it."""

from pathlib import Path

import pytest
from trading import deploy_once


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy_once(tmp_path_factory.mktemp("aws"))
