"""Reject names that DuckDB looks up more widely than Athena."""

from collections.abc import Iterator

from sqlglot import exp

from fanfold.audit.lake_schema import TABLES
from fanfold.audit.lake_views import VIEWS
from fanfold.cli.sql_words import reject

# Parts of a SELECT that see the columns of its tables alone.
_CLAUSES = {"where": "WHERE", "group": "GROUP BY", "having": "HAVING"}


def check_names(statement: exp.Expr) -> None:
    """Raise BadInput for a name of a SELECT's own list in another part of it."""
    for select in statement.find_all(exp.Select):
        _check_order(select)
        columns = _columns_of(select)
        if columns is not None and _stands_alone(select):
            _check_aliases(select, columns)


def _stands_alone(select: exp.Select) -> bool:
    """Return whether no other SELECT gives it columns, as one around a query inside a condition does."""
    parent = select.parent
    while isinstance(parent, exp.SetOperation):
        parent = parent.parent
    if isinstance(parent, exp.Subquery):
        parent = parent.parent
        return parent is None or isinstance(parent, exp.From | exp.Join | exp.Subquery)
    return parent is None or isinstance(parent, exp.CTE)


def _columns_of(select: exp.Select) -> set[str] | None:
    """Return the names of the columns of a SELECT's tables; None where they cannot be told."""
    sources = [select.args.get("from_"), *(select.args.get("joins") or [])]
    columns: set[str] = set()
    for source in filter(None, sources):
        names = _names_of(source.this)
        if names is None:
            return None
        columns |= names
    return columns


def _names_of(source: exp.Expr) -> set[str] | None:
    if source.alias_column_names:
        return {name.lower() for name in source.alias_column_names}
    if isinstance(source, exp.Table):
        name = source.name.lower()
        queries = {cte.alias.lower(): cte for cte in _queries_around(source)}
        if name in queries:
            return _names_of(queries[name])
        known = TABLES.get(name) or VIEWS.get(name)
        return {*known.columns, "dt"} if known else None
    if isinstance(source, exp.Subquery | exp.CTE) and isinstance(source.this, exp.Query):
        names = {name.lower() for name in source.this.named_selects}
        return None if "*" in names or "" in names else names
    return None


def _queries_around(node: exp.Expr) -> Iterator[exp.CTE]:
    """Yield the queries that WITH names around a node, the innermost last."""
    around = []
    parent = node.parent
    while parent is not None:
        if with_ := parent.args.get("with_"):
            around.append(with_)
        parent = parent.parent
    for with_ in reversed(around):
        yield from with_.expressions


def _check_aliases(select: exp.Select, columns: set[str]) -> None:
    own = {name.alias.lower() for name in select.expressions if isinstance(name, exp.Alias)} - columns
    for clause, word in _CLAUSES.items():
        part = select.args.get(clause)
        for column in part.find_all(exp.Column) if part else ():
            _check_alias(select, column, own, word)
    for expression in select.expressions:
        for column in expression.find_all(exp.Column):
            _check_alias(select, column, own, "the list that names it")


def _check_alias(select: exp.Select, column: exp.Column, own: set[str], place: str) -> None:
    if not column.table and column.name.lower() in own and column.parent_select is select:
        reject(f"name {column.name} in {place}", "what it stands for, or name it in a WITH")


def _check_order(select: exp.Select) -> None:
    """Check that a SELECT DISTINCT is sorted by what it selects."""
    order, selected = select.args.get("order"), select.expressions
    if not select.args.get("distinct") or not order or any(column.is_star for column in selected):
        return
    known = {column.unalias().sql() for column in selected} | {column.alias_or_name.lower() for column in selected}
    for ordered in order.expressions:
        by = ordered.this
        if not by.is_int and not {by.sql(), by.name.lower() if isinstance(by, exp.Column) else ""} & known:
            reject("order of SELECT DISTINCT by what it does not select", "ORDER BY a column of the list")
