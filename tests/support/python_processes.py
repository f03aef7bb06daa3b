"""Python programs as processes of their own, with the services at an exchange on their path."""

import os
import subprocess
import sys

from support.desk_fixture import ROOT

PLACES = ("shared", "services/market-data", "services/execution", "tests")


def python(*arguments: str) -> str:
    """Run a program that has to succeed, and return what it prints."""
    path = os.pathsep.join(str(ROOT / place) for place in PLACES)
    environment = {**os.environ, "PYTHONPATH": path}
    ran = subprocess.run(
        [sys.executable, *arguments], env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
