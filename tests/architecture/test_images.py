"""What each image loads: measured in fresh interpreters, because one import anywhere is enough."""

import json
import os
import subprocess
import sys

import pytest
from source_tree import ROOT

from fanfold import desk

HEAVY = {"pandas", "pyarrow", "numpy", "numba", "duckdb", "boto3", "botocore", "ccxt", "rich", "sqlglot", "ministack"}
# What to build, besides importing the handler: every verb that the service runs for a message.
BUILD = {
    "market-data": "wiring.poller()",
    "signal": "wiring.folder()",
    "risk": "wiring.assessor()",
    "execution": "[(wiring.placer(venue), wiring.settler(venue)) for venue in wiring.runtime().desk.venues]",
    "audit": "wiring.record_all([])",
}
VARIABLES = (
    "FAULTS_TABLE", "DEAD_LETTERS", "BARS_TOPIC", "BARS_WANTED_TOPIC", "TARGETS_TOPIC", "ORDERS_TOPIC",
    "EXECUTIONS_TOPIC", "LEDGER_TABLE", "FOLDS_TABLE", "CURSORS_TABLE", "PAPER_BOOK_TABLE", "VIEWS_TABLE",
    "LAKE_BUCKET", "AUDIT_BUCKET",
)  # fmt: skip
LAKE = "wiring.lake()"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A function's environment, with the shipped desk beside it."""
    file = tmp_path_factory.mktemp("image") / "desk.json"
    file.write_bytes(desk.dump(desk.parse((ROOT / "desk.toml").read_text())))
    aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    return {**dict.fromkeys(VARIABLES, "none"), **aws, "DESK": str(file)}


def loaded(service: str, build: str, environment: dict[str, str]) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after it imported the handler and built something."""
    package = service.replace("-", "_") + "_service"
    code = (
        f"import json, sys\nfrom {package} import handler, wiring\n{build}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    path = os.pathsep.join(map(str, (ROOT / "shared", ROOT / "services" / service)))
    environment = environment | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(json.loads(done.stdout))


@pytest.mark.parametrize("service", BUILD)
def test_a_service_is_ready_without_anything_heavy(service: str, environment: dict[str, str]) -> None:
    assert loaded(service, BUILD[service], environment) == set()


@pytest.mark.parametrize("service", BUILD)
def test_importing_needs_no_environment(service: str) -> None:
    assert loaded(service, "", {}) == set()


def test_only_the_lake_brings_pyarrow(environment: dict[str, str]) -> None:
    assert "pyarrow" in loaded("audit", LAKE, environment)


def test_a_heavy_library_is_seen(environment: dict[str, str]) -> None:
    assert loaded("risk", "import boto3", environment) >= {"boto3", "botocore"}
