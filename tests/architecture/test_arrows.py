"""The imports that are allowed between rooms; whatever is not listed is forbidden."""

import sys
from collections import Counter
from graphlib import TopologicalSorter

import pytest
from source_tree import Module, findings, imported, layer, module, modules

IMPURE = {"os", "time", "random", "uuid", "socket", "threading", "asyncio", "secrets", "subprocess"}
STANDARD = set(sys.stdlib_module_names)
PURE = (STANDARD - IMPURE) | {"msgspec"}
PLOTTING = {"matplotlib"}

# Room -> the rooms that it may import, in the order in which they stand on each other.
CORE = {"core"}
MARKET = CORE | {"market"}
MESSAGES = MARKET | {"messages"}
DESK = MARKET | {"strategy", "alerts", "operators", "desk"}
TRADED = MESSAGES | DESK
LEDGER = TRADED | {"risk", "matching", "ledger"}
DOMAIN = LEDGER | {"signals", "audit", "api", "trading", "chat"}
AWS = {"aws", "aws.client", "aws.dynamodb", "aws.s3", "aws.telemetry", "aws.function"}
LOCAL = DOMAIN | AWS | {"venues", "simulation", "importers", "page", "channels", "local"}
ROOMS = {
    "core": CORE,
    "market": CORE,
    "messages": MARKET,
    "strategy": MARKET,
    "indicators": MARKET | {"strategy"},
    "strategies": {"strategy", "indicators"},
    "alerts": CORE,
    "operators": CORE,
    "desk": MARKET | {"strategy", "alerts", "operators"},
    "signals": TRADED,
    "risk": TRADED,
    "matching": MESSAGES | {"desk"},
    "trading": MESSAGES | {"desk", "matching"},
    "ledger": TRADED | {"risk", "matching"},
    "audit": LEDGER,
    "api": LEDGER,
    "chat": TRADED | {"api"},
    "performance": LEDGER,
    "accounting": LEDGER,
    "cost": CORE,
    "page": CORE,
    "importers": DESK,
    "venues": MESSAGES | {"desk", "matching", "trading"},
    "aws.client": CORE,
    "aws": MESSAGES | {"aws.client"},
    "aws.telemetry": MESSAGES | {"aws", "aws.client"},
    "aws.dynamodb": DOMAIN | {"aws", "aws.client"},
    "aws.s3": DOMAIN | {"aws", "aws.client"},
    "aws.function": DOMAIN | AWS,
    "channels": CORE | {"alerts"},
    "research": LOCAL | {"performance", "indicators", "strategies"},
    "simulation": DOMAIN | AWS,
    "simulation.schedules": DOMAIN | AWS | {"simulation"},
    "exchange": MESSAGES | {"desk", "matching", "simulation"},
    "local": DOMAIN | AWS | {"venues", "simulation", "importers", "page", "channels"},
    "stages": LOCAL,
    "cli": LOCAL
    | {"simulation.schedules", "exchange", "stages", "accounting", "cost", "performance"}
    | {"research", "indicators", "strategies"},
    "fanfold_dev": LOCAL | {"exchange", "stages", "accounting", "cost", "performance", "research", "cli"},
}
# Room -> the libraries that it may import, where that is more than what is pure.
LIBRARIES = {
    **dict.fromkeys(AWS, STANDARD | {"msgspec", "boto3", "botocore", "pyarrow", "aws_xray_sdk"}),
    "venues": STANDARD | {"msgspec", "ccxt", "certifi"},
    "channels": STANDARD | {"msgspec", "apprise"},
    "chat": PURE | {"nacl"},
    "research": STANDARD | {"msgspec", "numpy", "numba", "llvmlite", "duckdb", "optuna", "pyarrow"} | PLOTTING,
    "simulation": PURE | {"random"},
    "simulation.schedules": PURE | {"random", "greenlet"},
    # It runs a server on a thread of its own; no image holds it.
    "exchange": STANDARD | {"msgspec", "aiohttp", "cryptography"},
    "importers": STANDARD | {"msgspec", "numpy", "pyarrow", "python_calamine"},
    "local": STANDARD | {"msgspec", "ministack", "hypercorn"},
    "stages": STANDARD | {"msgspec", "yaml"},
    "cli": STANDARD
    | {"msgspec", "cyclopts", "rich", "duckdb", "sqlglot", "tomlkit", "pyarrow", "pytz", "xlsxwriter"}
    | {"mcp", "mcp_types", "anyio", "textual"},
    "fanfold_dev": STANDARD | {"msgspec", "cyclopts", "pyarrow", "cyclonedx", "packageurl", "packaging"},
}
TOP_LEVEL_MAX = 12
VENUES = ("market_data_service", "execution_service")
# It trades batches of sweeps, and is no part of a desk.
RESEARCH = "research_service"
# It tells people, and is no part of a desk.
ALERTS = "alerts_service"


def allowed(name: str) -> set[str]:
    """The imports that a module of this name may have: rooms, and heads of libraries."""
    service, _, part = layer(name).partition(".")
    if not service.endswith("_service"):
        room = layer(name)
        return ROOMS[room] | LIBRARIES.get(room, PURE) | {room}
    venues = {"venues"} if service in VENUES else set()
    own = {RESEARCH: {"research"}, ALERTS: {"channels"}}.get(service, set())
    return {
        "handler": {"typing", *AWS, f"{service}.wiring"},
        "wiring": DOMAIN | STANDARD | AWS | venues | own | {"msgspec", f"{service}.settings", f"{service}.verb"},
        "settings": DOMAIN | PURE,
        "verb": DOMAIN | PURE | own | {f"{service}.verb"},
    }[part]


def forbidden_arrows(source_file: Module) -> list[str]:
    here = layer(source_file.name)
    return [
        f"{here} imports {name}"
        for name in imported(source_file)
        if _target(name, here) not in allowed(source_file.name)
    ]


def _target(name: str, here: str) -> str:
    # `from audit_service import wiring` names the package first; the arrow is to the part.
    return here if name == here.partition(".")[0] else layer(name)


def test_rooms_import_each_other_without_a_circle() -> None:
    below = {room: rooms - {room} for room, rooms in ROOMS.items()}
    assert next(iter(TopologicalSorter(below).static_order())) == "core"


def test_every_room_is_listed() -> None:
    rooms = {
        layer(source_file.name) for source_file in modules() if source_file.name.partition(".")[0].startswith("fanfold")
    }
    assert rooms == set(ROOMS)


def room_sizes() -> Counter[str]:
    """The lines of each room."""
    sizes = Counter[str]()
    for source_file in modules():
        sizes[layer(source_file.name).partition(".")[0]] += len(source_file.source.splitlines())
    return sizes


def top_level() -> list[str]:
    """The modules of the product outside of a folder."""
    return [
        source_file.path
        for source_file in modules()
        if source_file.path.startswith("shared/fanfold/") and source_file.path.count("/") == 2
    ]


def test_no_room_holds_more_than_a_fifth_and_the_top_level_stays_small() -> None:
    sizes = room_sizes()
    assert {room for room, lines in sizes.items() if lines > sizes.total() / 5} == set()
    assert len(top_level()) <= TOP_LEVEL_MAX


def test_modules_import_only_from_the_listed_rooms() -> None:
    assert findings(forbidden_arrows) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("shared/fanfold/market/bars.py", "import os"),
        ("shared/fanfold/market/bars.py", "def late():\n    from time import sleep"),
        ("shared/fanfold/risk/rules.py", "from fanfold.aws import ledger"),
        ("shared/fanfold/risk/rules.py", "import numpy as np"),
        ("shared/fanfold/aws/function/sqs.py", "from fanfold.venues.replay import ReplayVenue"),
        ("shared/fanfold/aws/function/sqs.py", "from fanfold.cli.commands.run import command"),
        ("shared/fanfold/matching/paper.py", "from fanfold.aws.dynamodb.table import Table"),
        ("shared/fanfold/matching/paper.py", "import boto3"),
        ("shared/fanfold/research/compiled.py", "import ccxt"),
        ("shared/fanfold/simulation/market.py", "import time"),
        ("shared/fanfold/market/bars.py", "from fanfold.messages import Bars"),
        ("shared/fanfold/strategy/window.py", "from fanfold.desk import Desk"),
        ("shared/fanfold/strategies/pairs.py", "from fanfold.risk import rules"),
        ("shared/fanfold/matching/fills.py", "from fanfold.ledger import orders"),
        ("shared/fanfold/risk/rules.py", "from fanfold.ledger import booking"),
        ("shared/fanfold/aws/client/call.py", "from fanfold.messages import Bars"),
        ("shared/fanfold/local/driver.py", "from fanfold.cli.output import show"),
        ("shared/fanfold/local/driver.py", "from fanfold_dev.images import layout"),
        ("shared/fanfold/stages/deploy.py", "from fanfold.cli import main"),
        ("shared/fanfold/cli/main.py", "from fanfold_dev.documents import generate"),
        ("shared/fanfold/cli/main.py", "import requests"),
        ("shared/fanfold/matching/engine.py", "from fanfold.exchange.box import Box"),
        ("shared/fanfold/exchange/box.py", "import ccxt"),
        ("services/signal/signal_service/fold.py", "from fanfold.aws.dynamodb.folds import FoldTable"),
        ("services/signal/signal_service/fold.py", "from signal_service.settings import Settings"),
        ("services/signal/signal_service/wiring.py", "from fanfold.venues.replay import ReplayVenue"),
        ("services/signal/signal_service/wiring.py", "from signal_service.handler import fold"),
        ("services/signal/signal_service/handler.py", "from signal_service.fold import Folder"),
        ("services/signal/signal_service/handler.py", "import os"),
        ("services/signal/signal_service/settings.py", "import os"),
        ("services/risk/risk_service/wiring.py", "from execution_service.place import Placer"),
        ("services/risk/risk_service/assess.py", "import ccxt"),
    ],
)
def test_a_forbidden_import_is_reported(path: str, source: str) -> None:
    assert forbidden_arrows(module(path, source)) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("shared/fanfold/aws/s3/lake.py", "import pyarrow as pa"),
        ("services/execution/execution_service/wiring.py", "from fanfold.matching.paper import PaperVenue"),
        ("services/audit/audit_service/compact.py", "from audit_service.flush import first_of"),
        ("services/audit/audit_service/handler.py", "from audit_service import wiring"),
        ("shared/fanfold/cli/commands/run.py", "import rich, os\nfrom fanfold.aws import ledger"),
    ],
)
def test_an_allowed_import_passes(path: str, source: str) -> None:
    assert forbidden_arrows(module(path, source)) == []
