"""Reject arguments of another type than Athena takes: DuckDB fails on some without a cure, and converts the others."""

import re
from collections.abc import Iterator
from functools import cache

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from fanfold.audit.lake_schema import TABLES
from fanfold.audit.lake_views import VIEWS
from fanfold.cli.sql_words import reject

TEXT, NUMBER, TIME, TRUTH = "text", "number", "time", "truth"
_CURES = {
    TEXT: "CAST(x AS varchar), or date_format",
    NUMBER: "the number without quotes, or CAST(x AS double)",
    TIME: "timestamp '2026-01-31 12:00:00', or date_parse(x, '%Y-%m-%d')",
    TRUTH: "a comparison",
}
_CATEGORIES = (
    (TEXT, exp.DataType.TEXT_TYPES),
    (NUMBER, exp.DataType.NUMERIC_TYPES),
    (TIME, frozenset({*exp.DataType.TEMPORAL_TYPES} - {exp.DataType.Type.TIME, exp.DataType.Type.TIMETZ})),
    (TRUTH, frozenset({exp.DataType.Type.BOOLEAN})),
)
# What arguments of expressions are, by the names that the parser gives them.
_TAKES: dict[str, tuple[tuple[type[exp.Expr], ...], tuple[str, ...]]] = {
    "this of times": (
        (exp.TimeToStr, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd, exp.TimeToUnix, exp.Year,
         exp.Quarter, exp.Month, exp.Week, exp.Day, exp.DayOfWeek, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second),
        ("this", TIME),
    ),
    "other of times": ((exp.DateDiff, exp.Extract), ("expression", TIME)),
    "this of numbers": (
        (exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Pow, exp.Sum, exp.Avg, exp.Ln, exp.Exp, exp.Sign,
         exp.UnixToTime, exp.Neg, exp.Stddev, exp.StddevPop, exp.Variance, exp.Mul, exp.Div, exp.Mod),
        ("this", NUMBER),
    ),
    "other of numbers": ((exp.Pow, exp.DateAdd, exp.Mul, exp.Div, exp.Mod), ("expression", NUMBER)),
    "this of texts": (
        (exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.StrPosition, exp.Replace, exp.Split, exp.SplitPart,
         exp.Trim, exp.RegexpLike, exp.RegexpExtract, exp.RegexpReplace, exp.Like, exp.StartsWith, exp.StrToTime,
         exp.DPipe),
        ("this", TEXT),
    ),
    "other of texts": (
        (exp.Like, exp.RegexpLike, exp.RegexpExtract, exp.RegexpReplace, exp.StartsWith, exp.DPipe),
        ("expression", TEXT),
    ),
    "all of texts": ((exp.Concat,), ("expressions", TEXT)),
    "conditions": ((exp.Where, exp.Having, exp.Not, exp.And, exp.Or), ("this", TRUTH)),
    "other conditions": ((exp.And, exp.Or), ("expression", TRUTH)),
}  # fmt: skip
_ALIKE = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ)
_ONE_TYPE = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)
_SIGNS = {
    exp.Add: "+", exp.Sub: "-", exp.Neg: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.DPipe: "||",
    exp.Like: "LIKE", exp.Where: "WHERE", exp.Having: "HAVING", exp.Not: "NOT", exp.And: "AND", exp.Or: "OR",
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
    typed = statement.copy()
    for table in typed.find_all(exp.Table):
        table.set("db", None)
        table.set("catalog", None)
    try:
        typed = qualify(typed, schema=_schema(), dialect="athena", validate_qualify_columns=False,
                        quote_identifiers=False, identify=False)  # fmt: skip
        annotate_types(typed, schema=_schema(), dialect="athena")
    except SqlglotError:
        return
    made = {query.alias for query in typed.find_all(exp.CTE)}
    lake = {table.alias_or_name for table in typed.find_all(exp.Table) if table.name in _schema().keys() - made}
    for node in typed.walk():
        _check_written(node)
        _check_arguments(node)
        _check_alike(node, lake)
        if isinstance(node, exp.SetOperation):
            _check_columns(node)


@cache
def _schema() -> dict[str, object]:
    tables = {name: {column: str(kind) for column, kind in table.columns.items()} for name, table in TABLES.items()}
    views = {name: {column: str(kind) for column, (kind, _) in view.columns.items()} for name, view in VIEWS.items()}
    return {**{name: columns | {"dt": "string"} for name, columns in tables.items()}, **views}


def _category(node: exp.Expr) -> str:
    """Return the category of an expression's type; "" where it is not known."""
    kind = node.type.this if node.type is not None else None
    return next((name for name, kinds in _CATEGORIES if kind in kinds), "")


def _described(node: exp.Expr) -> str:
    if node.is_string or node.is_number:
        return f"the {_category(node)} {node.sql()}"
    kind = node.type.sql(dialect="athena").lower() if node.type is not None else ""
    written = node.name if isinstance(node, exp.Column) else node.sql(dialect="athena")
    return f"{written}, a {kind}"


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
    for kinds, (argument, wanted) in _TAKES.values():
        if isinstance(node, kinds):
            value = node.args.get(argument)
            for each in value if isinstance(value, list) else [value]:
                if each is not None and _category(each) not in ("", wanted):
                    reject(f"{_name(node)} of {_described(each)}", _CURES[wanted])
    if isinstance(node, exp.Add | exp.Sub):
        _check_sum(node)


def _check_sum(node: exp.Expr) -> None:
    sides = node.this, node.expression
    categories = {_category(side) for side in sides}
    for side in sides:
        if _category(side) in (TEXT, TRUTH):
            reject(f"{_name(node)} of {_described(side)}", _CURES[NUMBER])
    if categories == {TIME, NUMBER}:
        reject("time plus or minus a number", "date_add('day', n, t)")


def _check_alike(node: exp.Expr, lake: set[str]) -> None:
    """Check that what is compared, or is one result, is of one category."""
    sides = list(_sides(node))
    known = [side for side in sides if _category(side)]
    other = next((side for side in known if _category(side) != _category(known[0])), None)
    if other is not None:
        first, second = sorted((known[0], other), key=lambda side: side.is_string)
        what = "comparison" if isinstance(node, _ALIKE) else "mix"
        reject(f"{what} of {_described(first)}, with {_described(second)}", _cure(first))
    if isinstance(node, exp.EQ | exp.NEQ | exp.In) and any(_is_day(side, lake) for side in sides):
        for side in sides:
            if side.is_string and not re.fullmatch(_DATE, side.name):
                reject(f"day '{side.name}' in the lake", "'2026-01-31'")


def _check_columns(node: exp.SetOperation) -> None:
    for sides in zip(node.left.selects, node.right.selects, strict=False):
        first, second = (side.unalias() for side in sides)
        if _category(first) and _category(second) and _category(first) != _category(second):
            reject(f"{node.key.upper()} of {_described(first)}, with {_described(second)}", _cure(first))


def _cure(first: exp.Expr) -> str:
    """Return what to write beside an expression in place of what is there."""
    if isinstance(first, exp.Column) and first.name in _DAYS:
        return "'2026-01-31' in quotes"
    return {TEXT: "the text in quotes, or CAST(x AS varchar)"}.get(_category(first), _CURES[_category(first)])


def _sides(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the expressions that are to be of one type."""
    if isinstance(node, (*_ALIKE, *_ONE_TYPE)):
        yield from (side for side in node.iter_expressions() if not isinstance(side, exp.Query | exp.Any | exp.All))
    elif isinstance(node, exp.Case):
        yield from (branch.args["true"] for branch in node.args["ifs"])
        yield from filter(None, [node.args.get("default")])


def _is_day(node: exp.Expr, lake: set[str]) -> bool:
    return isinstance(node, exp.Column) and node.name in _DAYS and node.table in lake
