"""Fixtures of several folders of tests, and the distribution of tests among parallel workers."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.run_calls import run_calls
from support.shared_work import once

__all__ = ["deployed", "run_calls"]
# No test waits on a clock, nor fails because the machine is busy with others.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
TESTS = Path(__file__).resolve().parent
# What takes longest begins first, so that no worker is left alone with it at the end.
FIRST = (
    "journeys/test_runs.py", "deploy/test_deploy_journey.py", "journeys/test_one_result.py",
    "journeys/test_venue_keys.py", "permissions", "journeys", "deploy", "workflows", "simulation", "contracts",
    "aws/test_audit_verify.py", "architecture/test_platform.py", "cost", "aws",
)  # fmt: skip
# Modules whose tests share what only one worker should make.
TOGETHER = {"permissions/test_call_sites.py": "recording", "permissions/test_permissions.py": "recording"}
# Modules whose tests share nothing, and are long enough for two.
APART = {"journeys/test_workflows.py", "deploy/test_templates.py"}


def pytest_configure() -> None:
    """Hear Ctrl-C where whoever started the tests did not: what tests start inherits that, and is to be interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six stacks, deployed once; desks trade on copies of what came of it."""
    # Only where it is asked for: most tests need no emulator.
    from support.desk_fixture import skip_without_node
    from support.trading import deploy_once

    skip_without_node()
    return once(tmp_path_factory, "aws", deploy_once)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a module on one worker, where there are workers: its fixtures are made once there."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        module = item.path.relative_to(TESTS).as_posix()
        if module not in APART:
            item.add_marker(pytest.mark.xdist_group(TOGETHER.get(module, module)))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    module = item.path.relative_to(TESTS).as_posix()
    return next((place for place, start in enumerate(FIRST) if module.startswith(start)), len(FIRST))
