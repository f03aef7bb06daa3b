"""`fanfold run --images`: the whole desk out of the built images, beside the embedded AWS, and nothing left of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli.exit_codes import Exit
from fanfold.deployment import SERVICES
from fanfold.local import container_tool
from support.running import ROOT

MINUTES = 40


@pytest.fixture
def whole(built: tuple[str, ...]) -> set[str]:
    """The containers there were before; the desk needs all five images."""
    if set(built) != set(SERVICES):
        pytest.skip("not all five images were asked for")
    return containers()


def containers() -> set[str]:
    words = ["docker", "ps", "--all"] if container_tool.tool() == "docker" else ["buildah", "containers"]
    return set(container_tool.run([*words, "--quiet"]).split())


def starting(state: Path, *words: str) -> "subprocess.Popen[str]":
    """The command line's run, in a process of its own."""
    command = [sys.executable, "-m", "fanfold.cli.main", "run", "--json", "--state", str(state), *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def summary(state: Path, *words: str) -> Any:
    with starting(state, "--minutes", str(MINUTES), *words) as child:
        out, err = child.communicate()
    assert child.returncode == 0, err
    return json.loads(out)


def test_the_desk_in_images_trades_what_the_checkout_trades(whole, tmp_path):
    in_images = summary(tmp_path / "images", "--images")
    assert containers() == whole
    assert (in_images["minutes"], in_images["dead_letters"], in_images["books_balance"]) == (MINUTES, 0, True)
    assert in_images["fills"] >= 1
    there = summary(tmp_path / "checkout")
    names = ("bars", "signals", "orders", "refused", "fills", "fees", "equity")
    assert {name: in_images[name] for name in names} == {name: there[name] for name in names}


def test_ctrl_c_leaves_no_container(whole, tmp_path):
    with starting(tmp_path / "state", "--minutes", "5000", "--images") as child:
        while len(containers()) < len(whole) + len(SERVICES) and child.poll() is None:
            time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert containers() == whole


def test_a_state_that_the_images_user_cannot_read_is_refused_before_anything_starts(whole, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with starting(private, "--minutes", "2", "--images") as child:
        _, err = child.communicate(timeout=120)
    assert child.returncode == Exit.WRONG_INPUT, err
    assert f"chmod o+rx {private}" in err
    assert containers() == whole
