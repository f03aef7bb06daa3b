"""Reject arguments of another type than Athena takes: DuckDB fails on some without a cure, and converts the others."""

import re
from collections.abc import Iterator

from sqlglot import exp

from fanfold.cli.sql_types import DURATION, NUMBER, TEXT, TIME, TRUTH, category, described, schema, typed
from fanfold.cli.sql_words import reject

_CURES = {
    TEXT: "CAST(x AS varchar), or date_format",
    NUMBER: "the number without quotes, or CAST(x AS double)",
    TIME: "timestamp '2026-01-31 12:00:00', or date_parse(x, '%Y-%m-%d')",
    TRUTH: "a comparison",
    DURATION: "interval '1' hour",
}
_OF_TIMES = (
    exp.TimeToStr, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd, exp.TimeToUnix, exp.Quarter, exp.Week,
    exp.DayOfWeek, exp.DayOfYear,
)  # fmt: skip
_OF_NUMBERS = (
    exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Pow, exp.Ln, exp.Exp, exp.Sign, exp.UnixToTime, exp.Stddev,
    exp.StddevPop, exp.Variance, exp.Mod, exp.Sin, exp.Cos, exp.Tan, exp.Asin, exp.Acos, exp.Atan,
)  # fmt: skip
_OF_TEXTS = (
    exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.StrPosition, exp.Replace, exp.Split, exp.SplitPart, exp.Trim,
    exp.RegexpLike, exp.RegexpExtract, exp.RegexpReplace, exp.Like, exp.StartsWith, exp.StrToTime, exp.DPipe,
    exp.FromISO8601Timestamp, exp.FromISO8601Date,
)  # fmt: skip
# What arguments of expressions are, by the names that the parser gives them.
_TAKES: tuple[tuple[tuple[type[exp.Expr], ...], str, tuple[str, ...]], ...] = (
    (_OF_TIMES, "this", (TIME,)),
    ((exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second), "this", (TIME, DURATION)),
    ((exp.DateDiff,), "expression", (TIME,)),
    ((exp.Extract,), "expression", (TIME, DURATION)),
    (_OF_NUMBERS, "this", (NUMBER,)),
    ((exp.Round,), "decimals", (NUMBER,)),
    ((exp.Sum, exp.Avg, exp.Neg, exp.Mul, exp.Div), "this", (NUMBER, DURATION)),
    ((exp.Pow, exp.DateAdd, exp.Div, exp.Mod), "expression", (NUMBER,)),
    ((exp.Mul,), "expression", (NUMBER, DURATION)),
    (_OF_TEXTS, "this", (TEXT,)),
    ((exp.Like, exp.RegexpLike, exp.RegexpExtract, exp.RegexpReplace, exp.StartsWith), "expression", (TEXT,)),
    ((exp.DPipe,), "expression", (TEXT,)),
    ((exp.Concat,), "expressions", (TEXT,)),
    ((exp.Where, exp.Having, exp.Not, exp.And, exp.Or, exp.LogicalAnd, exp.LogicalOr), "this", (TRUTH,)),
    ((exp.And, exp.Or), "expression", (TRUTH,)),
    ((exp.Join,), "on", (TRUTH,)),
)
COMPARISON, MIX = "comparison", "mix"
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ)
_ONE_TYPE = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)
_SIGNS = {
    exp.Add: "+", exp.Sub: "-", exp.Neg: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.DPipe: "||",
    exp.Like: "LIKE", exp.Where: "WHERE", exp.Having: "HAVING", exp.Not: "NOT", exp.And: "AND", exp.Or: "OR",
    exp.Join: "ON",
}  # fmt: skip
_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_WRITTEN = {
    exp.DataType.Type.DATE: (re.compile(_DATE), "date '2026-01-31'"),
    exp.DataType.Type.TIMESTAMP: (
        re.compile(rf"{_DATE}( \d{{1,2}}:\d\d(:\d\d(\.\d{{1,12}})?)?( ?[\w/+:-]+)?)?"),
        "timestamp '2026-01-31 12:00:00'",
    ),
}
# Columns of the lake that are UTC dates as text.
_DAYS = frozenset({"dt", "day"})


def check_types(statement: exp.Expr) -> None:
    """Raise BadInput for an argument or a comparison of known types that Athena does not take.

    What has no known type is left to whoever runs the statement, and so are names that the lake does not have.
    """
    tree = typed(statement)
    if tree is None:
        return
    made = {query.alias for query in tree.find_all(exp.CTE, exp.Subquery)}
    lake = {table.alias_or_name for table in tree.find_all(exp.Table) if table.name in schema().keys() - made} - made
    for node in tree.walk():
        _check_written(node)
        _check_arguments(node)
        _check_alike(node, lake)
        if isinstance(node, exp.SetOperation):
            _check_columns(node)


def _name(node: exp.Expr) -> str:
    return _SIGNS.get(type(node)) or node.sql(dialect="athena").partition("(")[0].lower()


def _check_written(node: exp.Expr) -> None:
    """Check units, and times that are written out."""
    if isinstance(node, exp.DateDiff | exp.DateAdd | exp.TimestampTrunc | exp.DateTrunc):
        unit = node.text("unit").lower()
        if unit and unit not in _UNITS:
            reject(f"unit {unit}", "one of " + ", ".join(_UNITS))
    if type(node) is exp.Cast and node.this.is_string and node.find_ancestor(exp.Try) is None:
        form, cure = _WRITTEN.get(node.to.this, (None, ""))
        if form is not None and not form.fullmatch(node.this.name.strip()):
            reject(f"{node.to.this.value.lower()} '{node.this.name}'", cure)


def _check_arguments(node: exp.Expr) -> None:
    if isinstance(node, exp.DPipe) and any(side.is_type("array") for side in (node.this, node.expression)):
        return
    for kinds, argument, wanted in _TAKES:
        if isinstance(node, kinds):
            value = node.args.get(argument)
            for each in value if isinstance(value, list) else [value]:
                _check_argument(_name(node), each, wanted)
    if isinstance(node, exp.Add | exp.Sub):
        _check_sum(node)
    if isinstance(node, exp.If):
        case = node.parent if isinstance(node.parent, exp.Case) else None
        if case is None or case.this is None:
            _check_argument("IF" if case is None else "WHEN", node.this, (TRUTH,))


def _check_argument(name: str, value: exp.Expr | None, wanted: tuple[str, ...]) -> None:
    if value is not None and category(value) not in ("", *wanted):
        reject(f"{name} of {described(value)}", _CURES[wanted[0]])


def _check_sum(node: exp.Expr) -> None:
    sides = node.this, node.expression
    categories = {category(side) for side in sides}
    for side in sides:
        if category(side) in (TEXT, TRUTH):
            reject(f"{_name(node)} of {described(side)}", _CURES[NUMBER])
    if categories == {TIME, NUMBER}:
        reject("time plus or minus a number", "date_add('day', n, t)")
    if categories == {TIME} and all(side.is_type("date") for side in sides):
        reject("number of days between two dates", "date_diff('day', a, b)")


def _check_alike(node: exp.Expr, lake: set[str]) -> None:
    """Check that what is compared, or is one result, is of one category."""
    for what, sides in _alike(node):
        known = [side for side in sides if category(side)]
        other = next((side for side in known if category(side) != category(known[0])), None)
        if other is not None:
            first, second = sorted((known[0], other), key=lambda side: side.is_string)
            reject(f"{what} of {described(first)}, with {described(second)}", _cure(first))
        compared = [node.this] if isinstance(node, exp.In) else sides
        if isinstance(node, exp.EQ | exp.NEQ | exp.In) and any(_is_day(side, lake) for side in compared):
            for side in sides:
                if side.is_string and side.name and not re.fullmatch(_DATE, side.name):
                    reject(f"day '{side.name}' in the lake", "'2026-01-31'")


def _check_columns(node: exp.SetOperation) -> None:
    for sides in zip(node.left.selects, node.right.selects, strict=False):
        first, second = (side.unalias() for side in sides)
        if category(first) and category(second) and category(first) != category(second):
            reject(f"{node.key.upper()} of {described(first)}, with {described(second)}", _cure(first))


def _cure(first: exp.Expr) -> str:
    """Return what to write beside an expression in place of what is there."""
    if isinstance(first, exp.Column) and first.name in _DAYS:
        return "'2026-01-31' in quotes"
    return {TEXT: "the text in quotes, or CAST(x AS varchar)"}.get(category(first), _CURES[category(first)])


def _alike(node: exp.Expr) -> Iterator[tuple[str, list[exp.Expr]]]:
    """Yield expressions that are to be of one type, together, with what a node does with them."""
    args, compared = node.args, isinstance(node, _COMPARED)
    if compared or isinstance(node, _ONE_TYPE):
        sides = [side for side in node.iter_expressions() if not isinstance(side, exp.Query | exp.Any | exp.All)]
        yield COMPARISON if compared else MIX, sides
    elif isinstance(node, exp.Case):
        yield MIX, [*(branch.args["true"] for branch in args["ifs"]), *_present(args.get("default"))]
        if node.this is not None:
            yield COMPARISON, [node.this, *(branch.this for branch in args["ifs"])]
    elif isinstance(node, exp.If):
        yield MIX, [args["true"], *_present(args.get("false"))]
    elif isinstance(node, exp.Lag | exp.Lead):
        yield MIX, [node.this, *_present(args.get("default"))]
    elif isinstance(node, exp.Array):
        yield MIX, node.expressions
    elif isinstance(node, exp.Values):
        rows = [row.expressions for row in node.expressions if isinstance(row, exp.Tuple)]
        yield from ((MIX, list(column)) for column in zip(*rows, strict=False))


def _present(node: exp.Expr | None) -> list[exp.Expr]:
    return [] if node is None else [node]


def _is_day(node: exp.Expr, lake: set[str]) -> bool:
    return isinstance(node, exp.Column) and node.name in _DAYS and node.table in lake
