"""Reject expressions that the parser and DuckDB take and Athena does not, with what Athena takes in their place."""

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from fanfold.cli.sql_words import reject

# What is lacking, and what to write.
_Lack = tuple[str, str] | None
# Expressions that are neither functions nor rejected by name.
_KNOWN = (
    exp.Alias, exp.All, exp.Any, exp.AtTimeZone, exp.Between, exp.Binary, exp.Boolean, exp.Bracket, exp.CTE, exp.Column,
    exp.ColumnDef, exp.Cube, exp.DataType, exp.DataTypeParam, exp.Describe, exp.Distinct, exp.Except, exp.Exists,
    exp.Fetch, exp.Filter, exp.From, exp.Func, exp.Group, exp.GroupingSets, exp.Having, exp.HexString, exp.Hint,
    exp.Identifier, exp.IgnoreNulls, exp.In, exp.Intersect, exp.Interval, exp.Join, exp.Lambda, exp.Lateral, exp.Limit,
    exp.LimitOptions, exp.Literal, exp.Neg, exp.Not, exp.Null, exp.Offset, exp.Order, exp.Ordered, exp.Parameter,
    exp.Paren, exp.Placeholder, exp.RespectNulls, exp.Rollup, exp.Select, exp.Star, exp.Subquery, exp.Table,
    exp.TableAlias, exp.TableSample, exp.Tuple, exp.Union, exp.Unnest, exp.Values, exp.Var, exp.Where, exp.Window,
    exp.WindowSpec, exp.With, exp.WithinGroup, exp.JSONPath, exp.JSONPathPart, exp.Slice,
)  # fmt: skip
_OTHER_SCHEMAS = ("information_schema", "main", "pg_catalog", "system", "temp")
_OTHER_TABLES = ("duckdb_", "pg_", "pragma_", "sqlite_")


def check_tree(statement: exp.Expr, text: str) -> None:
    """Raise BadInput for an expression that Athena lacks, by its place in the statement."""
    for node in statement.walk():
        for kind, lack_of in _CHECKS:
            if isinstance(node, kind) and (lack := lack_of(node)):
                reject(*lack)
        for kind, argument, lacking, instead in _ARGUMENTS:
            if isinstance(node, kind) and node.args.get(argument):
                reject(lacking, instead)
        if not isinstance(node, _KNOWN):
            reject(type(node).__name__.upper(), "")
    conditions = [join for join in statement.find_all(exp.Join) if _has_condition(join)]
    if sum(token.token_type is TokenType.JOIN for token in sqlglot.tokenize(text, read="athena")) > len(conditions):
        reject("JOIN without ON", "CROSS JOIN, or ON with the condition")


def _has_condition(join: exp.Join) -> bool:
    return bool(join.args.get("on") or join.args.get("using") or join.kind == "CROSS")


def _star(star: exp.Expr) -> _Lack:
    changed = any(star.args.get(name) for name in ("except_", "replace", "rename"))
    return ("* with EXCLUDE, REPLACE or RENAME", "the names of the columns") if changed else None


def _join(join: exp.Expr) -> _Lack:
    kind, method = str(join.args.get("kind") or ""), str(join.args.get("method") or "")
    if method:
        return f"{method} JOIN", "JOIN ... ON, with the condition"
    if kind in ("SEMI", "ANTI"):
        return f"{kind} JOIN", f"WHERE {'NOT ' if kind == 'ANTI' else ''}EXISTS (SELECT ...)"
    return None


def _distinct(distinct: exp.Expr) -> _Lack:
    if distinct.args.get("on"):
        return "DISTINCT ON", "row_number() OVER (PARTITION BY ...) in a WITH, and take 1"
    if isinstance(distinct.parent, exp.Func) and len(distinct.expressions) > 1:
        return "DISTINCT of several arguments", "DISTINCT (a, b)"
    return None


def _compared(node: exp.Expr) -> _Lack:
    """Check ANY and ALL, which compare with the rows of a query alone."""
    if isinstance(node.this, exp.Query):
        return None
    return "ANY or ALL of a list", "contains(list, x), or any_match(list, x -> ...)"


def _sample(sample: exp.Expr) -> _Lack:
    if sample.text("method").upper() in ("BERNOULLI", "SYSTEM"):
        return None
    return "sample of that form", "TABLESAMPLE BERNOULLI (percentage)"


def _unnested(unnest: exp.Expr) -> _Lack:
    placed = isinstance(unnest.parent, exp.From | exp.Join | exp.Lateral | exp.Table | exp.Subquery)
    return None if placed else ("unnest outside FROM", "FROM ... CROSS JOIN UNNEST(list) AS t (x)")


def _table(table: exp.Expr) -> _Lack:
    other = table.text("db").lower() in _OTHER_SCHEMAS or table.name.lower().startswith(_OTHER_TABLES)
    return (f"table {table.sql()} of the lake", "SHOW TABLES, or DESCRIBE") if other else None


def _function_of(node: exp.Expr) -> _Lack:
    chained = isinstance(node.expression, exp.Func)
    return ("function behind a dot", "upper(lower(x))") if chained else None


def _described(node: exp.Expr) -> _Lack:
    return None if isinstance(node.this, exp.Table) else ("DESCRIBE of a query", "EXPLAIN")


def _logarithm(node: exp.Expr) -> _Lack:
    return None if node.args.get("expression") else ("log of one argument", "ln(x), log10(x) or log(base, x)")


def _reckoned(node: exp.Expr) -> _Lack:
    """Check sums with dates: Athena adds intervals to them, and its difference of two is an interval."""
    sides = [side.unnest() for side in (node.this, node.expression)]
    dates = [side for side in sides if _is_date(side)]
    if len(dates) == len(sides):
        return "number of days between two dates", "date_diff('day', a, b)"
    if dates and any(side.is_number for side in sides):
        return "date plus or minus a number", "date_add('day', n, d)"
    return None


def _is_date(node: exp.Expr) -> bool:
    return isinstance(node, _DATES) or (isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.DATE)


_DATES = (exp.CurrentDate, exp.Date, exp.LastDay)
# Arguments of expressions that Athena has without them.
_ARGUMENTS: tuple[tuple[type[exp.Expr], str, str, str], ...] = (
    (exp.Between, "symmetric", "BETWEEN SYMMETRIC", "two comparisons"),
    (exp.CTE, "materialized", "MATERIALIZED", "WITH name AS (...)"),
    (exp.Group, "all", "GROUP BY ALL", "the columns"),
    (exp.In, "field", "IN of a list", "contains(list, x)"),
    (exp.Lateral, "view", "LATERAL VIEW", "CROSS JOIN UNNEST(list) AS t (x)"),
    (exp.SetOperation, "by_name", "BY NAME", "the columns in one order"),
    (exp.WindowSpec, "exclude", "EXCLUDE in a window", "a CASE in the aggregate"),
)
_CHECKS: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr], _Lack]], ...] = (
    ((exp.Add, exp.Sub), _reckoned),
    ((exp.All, exp.Any), _compared),
    (exp.Describe, _described),
    (exp.Distinct, _distinct),
    (exp.Dot, _function_of),
    (exp.Join, _join),
    (exp.Log, _logarithm),
    (exp.Star, _star),
    (exp.Table, _table),
    (exp.TableSample, _sample),
    (exp.Unnest, _unnested),
)
