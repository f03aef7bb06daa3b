"""The long-running collector: it polls as it starts, and ends when it is told to."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from fanfold.local import container_tool
from fanfold_dev.images.__main__ import COLLECTOR, build_collector
from support.running import ROOT, STATE


def inside(pid: int) -> int:
    """The last process under another one; tools do not pass signals on as they came."""
    children = [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return inside(int(children[-1])) if children else pid


def test_the_collector_publishes_bars_and_stops_cleanly(built, containers, functions):
    if "market-data" not in built:
        pytest.skip("the image of market-data, which it stands on, was not asked for")
    build_collector(ROOT, container_tool.architecture())
    files = {"CLOCK": f"market:{STATE}/clock", "RECORDINGS": f"{STATE}/recordings"}
    command = ["python3", "/var/task/collector.py"]
    words = container_tool.command_in(
        containers.container(COLLECTOR), command, functions.environment | files, {Path(containers.state): STATE}
    )
    with subprocess.Popen(
        words, env=container_tool.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert functions.heard(wait_s=20)
        os.kill(inside(child.pid), signal.SIGTERM)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0, err.decode()
