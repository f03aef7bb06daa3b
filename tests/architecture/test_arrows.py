"""Who may import whom; whatever is not listed is forbidden."""

import sys

import pytest
from source_tree import Module, found, imported, layer, module

IMPURE = {"os", "time", "random", "uuid", "socket", "threading", "asyncio", "secrets", "subprocess"}
STANDARD = set(sys.stdlib_module_names)
PURE = STANDARD - IMPURE
DOMAIN = {"domain", "msgspec"}
PLOTTING = {"matplotlib"}

# Layer -> what it may import besides itself.
ARROWS = {
    "domain": DOMAIN | PURE,
    "fanfold.aws": DOMAIN | STANDARD | {"boto3", "botocore", "pyarrow", "aws_xray_sdk"},
    "fanfold.venues": DOMAIN | STANDARD | {"ccxt"},
    "fanfold.research": DOMAIN | STANDARD | {"numpy", "numba", "duckdb", "pyarrow"} | PLOTTING,
    "fanfold.simulation": DOMAIN | PURE | {"random", "fanfold.aws"},
}
VENUES = ("market_data_service", "execution_service")


def allowed(name: str) -> set[str]:
    """What a module of this name may import: layers, and heads of libraries."""
    service, _, part = layer(name).partition(".")
    if not service.endswith("_service"):
        return ARROWS[layer(name)] | {layer(name)}
    venues = {"fanfold.venues"} if service in VENUES else set()
    return {
        "handler": {"typing", "fanfold.aws", f"{service}.wiring"},
        "wiring": DOMAIN | STANDARD | venues | {"fanfold.aws", f"{service}.settings", f"{service}.verb"},
        "settings": DOMAIN | PURE,
        "verb": DOMAIN | PURE | {f"{service}.verb"},
    }[part]


def forbidden_arrows(one: Module) -> list[str]:
    if layer(one.name) == "fanfold.console":
        return []
    here = layer(one.name)
    return [f"{here} imports {name}" for name in imported(one) if _target(name, here) not in allowed(one.name)]


def _target(name: str, here: str) -> str:
    # `from audit_service import wiring` names the package first; the arrow is to the part.
    return here if name == here.partition(".")[0] else layer(name)


def test_only_the_listed_arrows_are_drawn() -> None:
    assert found(forbidden_arrows) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("shared/fanfold/bars.py", "import os"),
        ("shared/fanfold/bars.py", "def late():\n    from time import sleep"),
        ("shared/fanfold/risk/rules.py", "from fanfold.aws import ledger"),
        ("shared/fanfold/risk/rules.py", "import numpy as np"),
        ("shared/fanfold/aws/edge.py", "from fanfold.venues.paper import PaperVenue"),
        ("shared/fanfold/aws/edge.py", "from fanfold.console.run import main"),
        ("shared/fanfold/venues/paper.py", "from fanfold.aws.tables import Table"),
        ("shared/fanfold/venues/paper.py", "import boto3"),
        ("shared/fanfold/research/compiled.py", "import ccxt"),
        ("shared/fanfold/simulation/market.py", "import time"),
        ("services/signal/signal_service/fold.py", "from fanfold.aws.folds import FoldTable"),
        ("services/signal/signal_service/fold.py", "from signal_service.settings import Settings"),
        ("services/signal/signal_service/wiring.py", "from fanfold.venues.paper import PaperVenue"),
        ("services/signal/signal_service/wiring.py", "from signal_service.handler import fold"),
        ("services/signal/signal_service/handler.py", "from signal_service.fold import Folder"),
        ("services/signal/signal_service/handler.py", "import os"),
        ("services/signal/signal_service/settings.py", "import os"),
        ("services/risk/risk_service/wiring.py", "from execution_service.place import Placer"),
        ("services/risk/risk_service/assess.py", "import ccxt"),
    ],
)
def test_a_forbidden_arrow_is_seen(path: str, source: str) -> None:
    assert forbidden_arrows(module(path, source)) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("shared/fanfold/aws/lake.py", "import pyarrow as pa"),
        ("services/execution/execution_service/wiring.py", "from fanfold.venues.paper import PaperVenue"),
        ("services/audit/audit_service/compact.py", "from audit_service.flush import first_of"),
        ("services/audit/audit_service/handler.py", "from audit_service import wiring"),
        ("shared/fanfold/console/run.py", "import rich, os\nfrom fanfold.aws import ledger"),
    ],
)
def test_an_allowed_arrow_is_left_alone(path: str, source: str) -> None:
    assert forbidden_arrows(module(path, source)) == []
