"""Names, faults, money and keys: habits that hold everywhere, and where their few exceptions are."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from typing import TypeGuard

import pytest
from source_tree import ROOT, Module, findings, layer, module, modules

BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "processor"}
KEY = re.compile(r"(?<!\w)[ps]k(?!\w)")
EDGE = "fanfold.aws.function.sqs"
# The edge keeps a fault and lets the message come again; what acts on accounts apart raises it after the others.
# The embedded AWS ends a connection whose answer failed, and raises on.
# What a strategy raises is its leg's own fault, and is told; a schedule looks at what ended an invocation.
SCHEDULER = "fanfold.simulation.schedules.running"
BROAD = {
    EDGE,
    "fanfold.local.listener",
    "fanfold.errors",
    "fanfold.strategy.loading",
    "fanfold.signals.legs",
    SCHEDULER,
}
PRINTING = {"cli", "stages", "fanfold_dev"}
TABLES = "fanfold.aws.dynamodb.table"
MONEY = "fanfold.money"
# Where amounts are booked; weights, volatility and research are floats, and are elsewhere.
MONEY_MODULES = {
    "fanfold.matching.engine",
    "fanfold.matching.order_book",
    "fanfold.matching.wallets",
    "fanfold.ledger.orders",
    "fanfold.ledger.positions",
    "fanfold.matching.fills",
    "fanfold.matching.prices",
    "fanfold.matching.book",
    "fanfold.audit.views",
    "fanfold.aws.dynamodb.ledger",
    "fanfold.aws.dynamodb.ledger_changes",
    "fanfold.ledger.account_books",
    "fanfold.ledger.approvals",
    "fanfold.ledger.booking",
    "fanfold.ledger.bookings",
    "fanfold.ledger.changes",
    "fanfold.ledger.lots",
    "fanfold.simulation.ledger_store",
    "fanfold.matching.paper",
}

# Arguments of those modules that are no money: a time in epoch seconds. A weight becomes a decimal in fanfold.money.
FLOATS = {"at"}


def empty_names(source_file: Module) -> list[str]:
    """Names of files and classes that say nothing."""
    named = [*source_file.name.split("."), *(node.name for node in source_file.classes)]
    return [name for name in named if BANNED & set(_words(name))]


def _words(name: str) -> list[str]:
    spaced = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.strip("_").split("_")


def swallowed_faults(source_file: Module) -> list[str]:
    """Handlers that catch everything, or catch and say nothing why."""
    caught = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.ExceptHandler)]
    lines = source_file.source.splitlines()
    broad = [
        f"line {node.lineno} catches everything" for node in caught if _is_broad(node) and source_file.name not in BROAD
    ]
    silent = [f"line {node.lineno} swallows" for node in caught if _is_silent(node, lines)]
    return broad + silent


def _is_broad(node: ast.ExceptHandler) -> bool:
    names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {"Exception"}
    return bool(names & {"Exception", "BaseException"})


def _is_silent(node: ast.ExceptHandler, lines: list[str]) -> bool:
    end = node.body[0].end_lineno or node.lineno
    return isinstance(node.body[0], ast.Pass) and not any("#" in line for line in lines[node.lineno - 1 : end])


def printing(source_file: Module) -> list[str]:
    calls = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.Call)]
    names = [ast.unparse(node.func) for node in calls]
    return [] if layer(source_file.name) in PRINTING else [name for name in names if name in {"print", "input"}]


def floats_at_money(source_file: Module) -> list[str]:
    if source_file.name not in MONEY_MODULES:
        return []
    known = {node.annotation for node in ast.walk(source_file.tree) if isinstance(node, ast.arg) and node.arg in FLOATS}
    named = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.Name) and node.id == "float"]
    named = [node for node in named if node not in known]
    literals = [
        node for node in ast.walk(source_file.tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    return [f"line {node.lineno}: {ast.unparse(node)}" for node in (*named, *literals)]


def global_decimals(source_file: Module) -> list[str]:
    """Touches of the decimal context: the default one is nobody's, the current one is money's, which gives it back."""
    names = {node.id for node in ast.walk(source_file.tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(source_file.tree) if isinstance(node, ast.Attribute)}
    contexts = {"getcontext", "setcontext", "localcontext"}
    return sorted(names & ({"DefaultContext"} | (set() if source_file.name == MONEY else contexts)))


def spelled_keys(source_file: Module) -> list[str]:
    """Strings that hold the name of a partition or sort key."""
    texts = [str(node.value) for node in ast.walk(source_file.tree) if isinstance(node, ast.Constant)]
    return [] if source_file.name == TABLES else [text for text in texts if KEY.search(text)]


RULES = {
    "no name is empty": empty_names,
    "no fault is swallowed": swallowed_faults,
    "only commands print": printing,
    "no float is at money": floats_at_money,
    "the global decimal context is left alone": global_decimals,
    "only tables.py spells a key": spelled_keys,
}


@pytest.mark.parametrize("rule", RULES)
def test_no_module_has_a_bad_habit(rule: str) -> None:
    assert findings(RULES[rule]) == []


def test_only_the_edge_catches_every_exception() -> None:
    (edge,) = [source_file for source_file in modules() if source_file.name == EDGE]
    caught = [node for node in ast.walk(edge.tree) if isinstance(node, ast.ExceptHandler)]
    # A message that is handled, one that its dead-letter queue refuses, and a fault that cannot be recorded.
    assert len([node for node in caught if _is_broad(node)]) == 3


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("no name is empty", "class OrderManager: ..."),
        ("no name is empty", "class BaseStrategy: ..."),
        ("no fault is swallowed", "try:\n    f()\nexcept Exception:\n    raise"),
        ("no fault is swallowed", "try:\n    f()\nexcept (ValueError, BaseException):\n    raise"),
        ("no fault is swallowed", "try:\n    f()\nexcept:\n    raise"),
        ("no fault is swallowed", "try:\n    f()\nexcept ValueError:\n    pass"),
        ("only commands print", "print(1)"),
        ("no float is at money", "cash = float(cash)"),
        ("no float is at money", "fee = cash * 0.001"),
        ("no float is at money", "def fee(rate: float) -> None: ..."),
        ("the global decimal context is left alone", "decimal.getcontext().prec = 9"),
        ("the global decimal context is left alone", "with localcontext(): ..."),
        ("only tables.py spells a key", "item = {'pk': 1}"),
        ("only tables.py spells a key", "condition = 'attribute_not_exists(pk)'"),
        ("only tables.py spells a key", "condition = f'begins_with(sk, {prefix})'"),
    ],
)
def test_a_bad_habit_is_reported(rule: str, source: str) -> None:
    assert RULES[rule](module("shared/fanfold/ledger/positions.py", source)) != []


def test_a_file_with_a_meaningless_name_is_reported() -> None:
    assert empty_names(module("shared/fanfold/aws/utils.py", "")) == ["utils"]
    assert empty_names(module("shared/fanfold/database.py", "class Basis: ...")) == []


def test_a_fault_may_be_ignored_with_a_comment() -> None:
    source = "try:\n    f()\nexcept ValueError:  # It was there before.\n    pass"
    assert swallowed_faults(module("shared/fanfold/market/bars.py", source)) == []


RETRYING = "fanfold.errors"


def own_retries(source_file: Module) -> list[str]:
    """Loops that count tries or go on for ever and catch a conflict themselves, in place of retry_on_conflict."""
    if source_file.name == RETRYING:
        return []
    loops = [node for node in ast.walk(source_file.tree) if isinstance(node, ast.While) or _counts(node)]
    return [f"line {loop.lineno} tries again" for loop in loops if any(map(_catches_conflict, ast.walk(loop)))]


def _counts(node: ast.AST) -> TypeGuard[ast.For]:
    return isinstance(node, ast.For) and ast.unparse(node.iter).startswith("range(")


def _catches_conflict(node: ast.AST) -> bool:
    caught = ast.walk(node.type) if isinstance(node, ast.ExceptHandler) and node.type else ()
    return bool({"Conflict", "Refused"} & {name.id for name in caught if isinstance(name, ast.Name)})


def test_only_one_function_tries_again_after_a_conflict() -> None:
    assert findings(own_retries) == []


@pytest.mark.parametrize(
    "source",
    [
        "for _ in range(TRIES):\n    try:\n        act()\n    except Conflict:\n        continue",
        "while tries:\n    try:\n        act()\n    except (Refused, OSError):\n        tries -= 1",
    ],
)
def test_a_retry_loop_of_a_modules_own_is_reported(source: str) -> None:
    assert own_retries(module("services/risk/risk_service/assess.py", source)) != []


def repeated(names: Iterable[str]) -> list[str]:
    """Names that stand there twice."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_each_test_file_has_a_name_of_its_own() -> None:
    # pytest imports test files by their names alone.
    assert repeated(["test_a.py", "test_b.py", "test_a.py"]) == ["test_a.py"]
    assert repeated(path.name for path in (ROOT / "tests").rglob("test_*.py")) == []
