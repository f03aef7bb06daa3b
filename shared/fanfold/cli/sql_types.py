"""The types of a query's expressions, as Athena tells them, in the categories that it keeps apart."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from fanfold.audit.lake_schema import TABLES
from fanfold.audit.lake_views import VIEWS

TEXT, NUMBER, TIME, TRUTH, DURATION = "text", "number", "time", "truth", "duration"
_CATEGORIES = (
    (TEXT, exp.DataType.TEXT_TYPES),
    (NUMBER, exp.DataType.NUMERIC_TYPES),
    (TIME, frozenset({*exp.DataType.TEMPORAL_TYPES} - {exp.DataType.Type.TIME, exp.DataType.Type.TIMETZ})),
    (TRUTH, frozenset({exp.DataType.Type.BOOLEAN})),
    (DURATION, frozenset({exp.DataType.Type.INTERVAL})),
)
_RECKONED = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_Annotate = Callable[[Any, Any], exp.Expr]


def typed(statement: exp.Expr) -> exp.Expr | None:
    """Return a copy of a statement whose expressions know their types; None where its names cannot be looked up."""
    copy = statement.copy()
    for table in copy.find_all(exp.Table):
        table.set("db", None)
        table.set("catalog", None)
    try:
        copy = qualify(copy, schema=schema(), dialect="athena", validate_qualify_columns=False,
                       quote_identifiers=False, identify=False)  # fmt: skip
        return annotate_types(copy, schema=schema(), expression_metadata=_annotations(), dialect="athena")
    except SqlglotError:
        return None


def category(node: exp.Expr) -> str:
    """Return the category of an expression's type; "" where it is not known."""
    kind = node.type.this if node.type is not None else None
    return next((name for name, kinds in _CATEGORIES if kind in kinds), "")


def described(node: exp.Expr) -> str:
    """Return an expression, with its type, for somebody who wrote it."""
    if node.is_string or node.is_number:
        return f"the {category(node)} {node.sql()}"
    kind = node.type.sql(dialect="athena").lower() if node.type is not None else ""
    written = node.name if isinstance(node, exp.Column) else node.sql(dialect="athena")
    return f"{written}, {'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


@cache
def schema() -> dict[str, object]:
    """Return the columns of the lake's tables and views, by name, with their types."""
    tables = {name: {column: str(kind) for column, kind in table.columns.items()} for name, table in TABLES.items()}
    views = {name: {column: str(kind) for column, (kind, _) in view.columns.items()} for name, view in VIEWS.items()}
    return {**{name: columns | {"dt": "string"} for name, columns in tables.items()}, **views}


@cache
def _annotations() -> Any:
    """Return how the parser tells types, with durations, which it takes for times, or for numbers."""
    known = Dialect.get_or_raise("athena").EXPRESSION_METADATA
    reckoned = {kind: {"annotator": _reckoned(known[kind]["annotator"])} for kind in _RECKONED}
    return {**known, **reckoned, exp.Avg: {"annotator": _mean}}


def _reckoned(known: _Annotate) -> _Annotate:
    """Return what tells the type of a sum, a difference, a product or a quotient, by what tells it of numbers."""

    def annotate(annotator: Any, node: exp.Expr) -> exp.Expr:
        known(annotator, node)
        sides = {category(node.this), category(node.expression)}
        if "" in sides:
            # It may be a duration, or a time.
            node.type = exp.DataType.build("unknown")
        elif DURATION in sides and sides <= {DURATION, NUMBER}:
            node.type = exp.DataType.build("interval")
        elif sides == {TIME, DURATION}:
            node.type = exp.DataType.build("timestamp")
        elif sides == {TIME} and isinstance(node, exp.Sub):
            node.type = exp.DataType.build("interval")
        return node

    return annotate


def _mean(_annotator: Any, node: exp.Expr) -> exp.Expr:
    node.type = exp.DataType.build("interval" if category(node.this) == DURATION else "double")
    return node
