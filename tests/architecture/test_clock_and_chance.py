"""Time, chance and ids are arguments: who reads them from the machine is listed here, with the reason."""

import ast

import pytest
from source_tree import Module, findings, layer, module, modules

READERS = {
    "fanfold.aws.clock": "The clock port itself.",
    "fanfold.aws.client.connect": "Retries wait and jitter, and a transaction's token is new each time.",
    "fanfold.aws.client.light": "A request is signed with the time it leaves, and answered within a deadline.",
    "fanfold.aws.client.sigv4": "It formats that time.",
    "fanfold.venues.ccxt.client": "An exchange says until when to pause in its own wall time.",
    "fanfold.venues.ccxt.venue": "Requests share a deadline; which candles are closed is by the venue's clock.",
    "fanfold.venues.ccxt.keyed": "A connection rests in real time.",
    "fanfold.exchange.server": "The simulated exchange has a clock of its own, as any exchange.",
    "fanfold.exchange.liquidity": "Quotes are drawn by a seeded dice.",
    "fanfold.exchange.faults": "Faults are drawn by a seeded dice.",
    "fanfold.venues.ccxt.pace": "Requests are spaced in real time.",
}
FREE = ("cli", "local", "stages", "importers", "fanfold_dev", "simulation", "simulation.schedules")
WALL = {"now", "utcnow", "today"}
MACHINE = {"time", "random", "uuid", "secrets"}


def readings(source_file: Module) -> list[str]:
    """Every place where a module asks the machine for time, chance or an id."""
    if layer(source_file.name) in FREE or source_file.name in READERS:
        return []
    attributes = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.Attribute)]
    wrong = [ast.unparse(node) for node in attributes if _is_reading(node)]
    drawn = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.ImportFrom) and node.module in MACHINE]
    return wrong + [ast.unparse(node) for node in drawn]


def _is_reading(node: ast.Attribute) -> bool:
    if isinstance(node.value, ast.Name) and node.value.id in MACHINE:
        return True
    owner = ast.unparse(node.value).rpartition(".")[2]
    return (owner in {"datetime", "date"} and node.attr in WALL) or (owner == "os" and node.attr == "urandom")


def test_only_the_listed_modules_read_clock_chance_and_ids() -> None:
    assert findings(readings) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nat = datetime.now()",
        "import datetime\nat = datetime.datetime.utcnow()",
        "from datetime import date\nday = date.today",
        "import time\nat = time.time()",
        "from time import monotonic",
        "import random\nx = random.random()",
        "from uuid import uuid4",
        "import uuid\nx = uuid.uuid4().hex",
        "import os\nx = os.urandom(8)",
    ],
)
def test_a_module_that_reads_clock_or_chance_is_reported(source: str) -> None:
    assert readings(module("shared/fanfold/market/bars.py", source)) != []
    assert readings(module("services/risk/risk_service/assess.py", source)) != []


def test_a_time_that_is_an_argument_is_allowed() -> None:
    assert (
        readings(module("shared/fanfold/market/bars.py", "at = datetime.fromtimestamp(0, UTC)\nnow = bars.now")) == []
    )


def test_every_listed_module_still_reads_clock_chance_or_ids() -> None:
    anonymous = {source_file.name: source_file._replace(name="fanfold.market.bars") for source_file in modules()}
    assert [name for name in READERS if readings(anonymous[name]) == []] == []
