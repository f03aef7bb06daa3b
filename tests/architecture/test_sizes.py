"""Functions and files that fit a screen."""

import ast
import re

from source_tree import ROOT, Function, Module, files_of_tests, findings, module, modules

FILE_MAX = 300
# Tables of cases grow longer than code.
TEST_FILE_MAX = 400
FUNCTION_MAX = 50
NINE_IN_TEN_MAX = 25
MEDIAN_MAX = 8
HANDLER_MAX = 15
STACK_FUNCTION_MAX = 30


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def oversized(source_file: Module, file_max: int = FILE_MAX) -> list[str]:
    """A file, or functions of it, that are too long."""
    count = len(source_file.source.splitlines())
    long = [
        f"{function.name} has {lines(function)} lines"
        for function in source_file.functions
        if lines(function) > FUNCTION_MAX
    ]
    return long + ([f"the file has {count} lines"] if count > file_max else [])


def quantiles(found_in: tuple[Module, ...]) -> tuple[int, int]:
    """The lines of the median function, and of the one that nine in ten do not exceed."""
    sizes = sorted(lines(function) for source_file in found_in for function in source_file.functions)
    return sizes[len(sizes) // 2], sizes[len(sizes) * 9 // 10]


def thick_handlers(source_file: Module) -> list[str]:
    """Functions of a handler module that do more than name their trigger and make one call."""
    if not source_file.name.endswith("_service.handler"):
        return []
    long = [
        f"{function.name} has {lines(function)} lines"
        for function in source_file.functions
        if lines(function) > HANDLER_MAX
    ]
    words = [
        f"{function.name} has {len(function.body)} statements"
        for function in source_file.functions
        if len(function.body) > 3
    ]
    decides = ast.If | ast.IfExp | ast.For | ast.While | ast.Try | ast.Match | ast.comprehension
    return (
        long
        + words
        + [f"it holds a {type(node).__name__}" for node in ast.walk(source_file.tree) if isinstance(node, decides)]
    )


def long_stack_functions(source: str) -> list[str]:
    """Functions of a JavaScript file that are too long; each begins and ends at the margin."""
    written = re.finditer(r"^(?:async )?function (\w+)[^\n]*\n(?:.*\n)*?}$", source, re.MULTILINE)
    counts = {match[1]: match[0].count("\n") + 1 for match in written}
    return [f"{name} has {count} lines" for name, count in counts.items() if count > STACK_FUNCTION_MAX]


def test_no_file_or_function_is_too_long() -> None:
    assert findings(oversized) == []
    assert findings(lambda source_file: oversized(source_file, TEST_FILE_MAX), files_of_tests) == []


def test_functions_are_short() -> None:
    median, nine_in_ten = quantiles(modules())
    assert median <= MEDIAN_MAX
    assert nine_in_ten <= NINE_IN_TEN_MAX


def test_javascript_functions_of_the_stacks_are_short() -> None:
    sources = {path.name: path.read_text() for path in (ROOT / "shared" / "stacks").glob("*.cjs")}
    assert {name: long for name, text in sources.items() if (long := long_stack_functions(text))} == {}
    assert {name for name, text in sources.items() if len(text.splitlines()) > FILE_MAX} == set()


def test_a_long_javascript_function_is_reported() -> None:
    body = "  work();\n" * 29
    assert long_stack_functions(f"async function make(source) {{\n{body}}}\n") == ["make has 31 lines"]
    assert long_stack_functions(f"function make() {{\n{body[10:]}}}\n") == []


def test_handlers_are_thin() -> None:
    assert findings(thick_handlers) == []


def _function(length: int) -> str:
    return "def f() -> None:\n" + "    x = 1\n" * (length - 1)


def test_a_long_function_or_file_is_reported() -> None:
    assert oversized(module("shared/fanfold/market/bars.py", _function(51))) == ["f has 51 lines"]
    assert oversized(module("shared/fanfold/market/bars.py", "x = 1\n" * 301)) == ["the file has 301 lines"]
    assert oversized(module("shared/fanfold/market/bars.py", _function(50) + "x = 1\n" * 250)) == []
    assert quantiles((module("shared/fanfold/market/bars.py", _function(9) * 4 + _function(30)),)) == (9, 30)


def test_a_thick_handler_is_reported() -> None:
    path = "services/risk/risk_service/handler.py"
    assert thick_handlers(module(path, _function(16))) != []
    assert thick_handlers(module(path, "def f(event):\n    if event:\n        return 1\n")) != []
    assert thick_handlers(module(path, 'def f(event):\n    """On schedule: if due."""\n    return g(event)\n')) == []
