"""What tests of several folders share: the six stacks, deployed once; desks trade on copies of what came of it."""

from pathlib import Path

import pytest
from run_calls import run_calls

__all__ = ["deployed", "run_calls"]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Only where it is asked for: most tests need no emulator.
    from desk_fixture import skip_without_node
    from trading import deploy_once

    skip_without_node()
    return deploy_once(tmp_path_factory.mktemp("aws"))
