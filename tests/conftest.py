"""Fixtures of several folders of tests, and the distribution of tests among parallel workers."""

import gc
import os
import signal
from collections.abc import Iterator
from hashlib import blake2s
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from support.run_calls import run_calls
from support.shared_rewriting import rewrite_share
from support.shared_work import once

__all__ = ["deployed", "run_calls"]
# No test waits on a clock, nor fails because the machine is busy with others.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# What takes longest begins first, so that no worker is left alone with it at the end.
FIRST = (
    "journeys/test_runs.py", "deploy/test_deploy_journey.py", "journeys/test_one_result.py",
    "journeys/test_venue_keys.py", "permissions", "journeys", "deploy", "workflows", "simulation", "contracts",
    "aws/test_audit_verify.py", "architecture/test_platform.py", "cost", "aws", "notebooks",
    *(f"unit/test_{name}.py" for name in (
        "resting_stops", "audit_edits", "stops_beside_sales", "verdict_command", "engine_laws", "permuting",
        "lake_views", "backtest_fidelity", "venue_attacks", "box_tapes",
    )),
)  # fmt: skip
# Modules whose tests share what only one worker should make: two would compile the same scan at the same time.
TOGETHER = {
    **{f"unit/test_{name}.py": "account's scan" for name in (
        "absent_instruments", "exact_products", "one_leg_trials")},
    "permissions/test_call_sites.py": "recording", "permissions/test_permissions.py": "recording",
    **{f"architecture/test_{name}.py": "source tree" for name in (
        "arrows", "clock_and_chance", "habits", "importing", "sizes", "words")},
}  # fmt: skip
# Modules whose tests share nothing, and are long enough for two.
APART = {"journeys/test_workflows.py", "deploy/test_templates.py"}
# Objects between two searches for cycles: at Python's 700, searching takes a quarter of the time of what tests compute.
COLLECTED_EVERY = 50_000


def pytest_configure() -> None:
    """Hear Ctrl-C where whoever started the tests did not: what tests start inherits that, and is to be interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(COLLECTED_EVERY, *gc.get_threshold()[1:])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Rewrite assertions side by side, where there are workers: each of them is about to collect all files."""
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    if worker:
        rewrite_share(session.config, int(worker["workerid"].removeprefix("gw")), worker["workercount"])


def pytest_collection_finish() -> None:
    """Spare garbage collection what lives as long as the session: modules, and tests by the thousand."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let modules be collected at the end, or extensions that count their objects complain of leaks."""
    gc.unfreeze()


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: a desk on the embedded AWS waits for four tenths of its time."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.fixture(autouse=True)
def own_library(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[None]:
    """A library of runs for each test, which is made where the test keeps a run."""
    folder = tmp_path_factory.getbasetemp() / "libraries" / blake2s(request.node.nodeid.encode()).hexdigest()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FANFOLD_LIBRARY", str(folder))
        yield


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six stacks, deployed once; desks trade on copies of what came of it."""
    # Only where it is asked for: most tests need no emulator.
    from support.desk_fixture import skip_without_node
    from support.trading import deploy_once

    skip_without_node()
    return once(tmp_path_factory, "aws", deploy_once)


class ModuleScheduling(LoadFileScheduling):
    """Keeps the tests of a module on one worker: its fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        module = _module(nodeid)
        return nodeid if module in APART else TOGETHER.get(module, module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling | None:
    # Not by xdist's own groups: it writes them into ids of tests, which pytest does not read any more from 9.2 on.
    return ModuleScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, where there are workers."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    return next((place for place, start in enumerate(FIRST) if _module(item.nodeid).startswith(start)), len(FIRST))


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0].removeprefix("tests/")
