"""The long-running collector: it polls as it starts, and ends when it is told to."""

import subprocess
from pathlib import Path

import pytest
from running import ROOT, STATE

from fanfold.console.images import tool
from fanfold.console.images.__main__ import COLLECTOR, build_collector


def test_the_collector_publishes_bars_and_stops_cleanly(built, containers, functions):
    if "market-data" not in built:
        pytest.skip("the image of market-data, which it stands on, was not asked for")
    build_collector(ROOT, tool.architecture())
    files = {"CLOCK": f"market:{STATE}/clock", "RECORDINGS": f"{STATE}/recordings"}
    command = ["python3", "/var/task/collector.py"]
    words = tool.command_in(containers.container(COLLECTOR), command, functions.environment | files,
                            {Path(containers.state): STATE})
    with subprocess.Popen(words, env=tool.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert functions.heard(wait_s=20)
        child.terminate()
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0, err.decode()
