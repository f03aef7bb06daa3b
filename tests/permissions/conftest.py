"""One journey under the deployed roles, recorded, for all tests of permissions."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recording(deployed: Path, tmp_path_factory: pytest.TempPathFactory):
    # Only here: the tests of the evaluator need neither an emulator nor what it is made of.
    import recorded_desk

    return recorded_desk.record(deployed, tmp_path_factory.mktemp("permissions"))
