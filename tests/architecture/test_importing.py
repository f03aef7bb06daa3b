"""Importing a module does nothing: no environment, no file, no client, no work."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from source_tree import Module, findings, module, modules

# What a module may call while it is imported: it makes a constant out of what is written there.
VALUES = {
    "frozenset", "tuple", "range", "type", "set", "dict", "str", "float", "Decimal", "Context", "ContextVar", "TypeVar",
    "ParamSpec", "Path", "datetime", "timedelta",
    "re.compile", "Struct", "struct.Struct", "logging.getLogger", "msgspec.field", "msgspec.Meta",
    "msgspec.json.Decoder", "msgspec.json.Encoder", "msgspec.msgpack.Decoder", "msgspec.msgpack.Encoder",
    "Path(__file__).resolve", "pa.string", "pa.int64", "pa.float64", "pa.timestamp", "pa.decimal128", "lru_cache",
    "Parameter", "Group", "partial", "read_by", "only_one", "len", "names.digest", "njit", "overload", "part",
    "intrinsic", "register_pass",
}  # fmt: skip
RECORDS = {"NamedTuple", "Struct", "msgspec.Struct"}
DEFINITIONS = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.ClassDef
    | ast.Import
    | ast.ImportFrom
    | ast.Assign
    | ast.AnnAssign
    | ast.Expr
)


def effects(source_file: Module) -> list[str]:
    """Statements and calls that run when a module is imported, and are not of the listed kinds."""
    made = VALUES | _records() | {node.name for node in source_file.classes if _is_record(node)}
    wrong = [f"line {node.lineno} is a statement" for node in source_file.tree.body if not _is_quiet(node)]
    calls = [
        node
        for part in source_file.tree.body
        if not _is_entry(part)
        for node in _run(part)
        if isinstance(node, ast.Call)
    ]
    return wrong + [f"line {node.lineno} calls {ast.unparse(node.func)}" for node in calls if not _makes(node, made)]


def _is_quiet(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, DEFINITIONS) or _is_entry(node)


def _is_entry(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"__name__ == '__main__'", "TYPE_CHECKING"}


@cache
def _records() -> set[str]:
    return {node.name for source_file in modules() for node in source_file.classes if _is_record(node)}


def _is_record(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) in RECORDS for base in node.bases)


def _makes(node: ast.Call, made: set[str]) -> bool:
    written = ast.unparse(node.func)
    # Methods of constants: "a b".split(), TOPICS.items().
    on_constant = isinstance(node.func, ast.Attribute) and (
        isinstance(node.func.value, ast.Constant) or node.func.attr in {"items", "keys", "values"}
    )
    return written in made or on_constant


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that run at import: not the insides of functions, but their decorators and defaults."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        outside = [*getattr(node, "decorator_list", []), *node.args.defaults, *filter(None, node.args.kw_defaults)]
        for expression in outside:
            yield from _run(expression)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run(child)


def test_importing_does_nothing() -> None:
    assert findings(effects) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nTABLE = os.environ.get('TABLE')",
        "import boto3\nclient = boto3.client('sns')",
        "for name in ('a', 'b'):\n    globals()[name] = 1",
        "try:\n    import numba\nexcept ImportError:\n    numba = None",
        "DESK = open('desk.json').read()",
        "def late(at=now()): ...",
        "@register()\ndef step(): ...",
        "class Store:\n    client = connect()",
        "print",
        "with lock: x = 1",
    ],
)
def test_an_effect_of_importing_is_reported(source: str) -> None:
    assert effects(module("shared/fanfold/market/bars.py", source)) != []


def test_constants_definitions_and_main_blocks_are_allowed_at_import() -> None:
    source = (
        '"""Doc."""\nclass Row(NamedTuple):\n    at: int\nFIRST = Row(1)\nSHAPE = re.compile("a")\n'
        "def f(x=Decimal(1)):\n    return open(x)\nif __name__ == '__main__':\n    f()\n"
    )
    assert effects(module("shared/fanfold/market/bars.py", source)) == []
