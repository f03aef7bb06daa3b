"""Rewrite expressions that Trino and DuckDB spell alike but evaluate differently; reject those that cannot be."""

from collections.abc import Callable

from sqlglot import exp

from fanfold.errors import BadInput

WHOLE = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT"})
REFUSED = "refused"
NESTED = "nested"
NESTED_MAX = 5
FLOATING = "('DOUBLE', 'FLOAT')"


def as_trino_means(statement: exp.Expr) -> exp.Expr:
    """Return the statement with every such expression replaced. Raises BadInput for one that has no equivalent."""
    # Inner expressions first: what replaces an outer expression holds them as they are by then.
    for node in list(statement.walk())[::-1]:
        if type(node) not in _MEANINGS:
            continue
        nested = 1 + max(inner.meta.get(NESTED, 0) for inner in node.walk())
        meant = _MEANINGS[type(node)](node)
        if meant is not node or isinstance(node, exp.Div):
            _limit(meant, nested)
        if meant is node:
            continue
        if node is statement:
            statement = meant
        else:
            node.replace(meant)
    return statement


def _limit(node: exp.Expr, nested: int) -> None:
    """Note how many rewritten expressions lie in each other, of which each holds several copies of its operands."""
    if nested > NESTED_MAX:
        raise BadInput(
            f"more than {NESTED_MAX} quotients, casts or functions lie in each other; compute some in a WITH"
        )
    node.meta[NESTED] = nested


def _case(*branches: tuple[str, exp.Expr], default: exp.Expr | None = None) -> exp.Expr:
    """Return CASE WHEN with its conditions in DuckDB's SQL."""
    case = exp.Case()
    for condition, value in branches:
        case = case.when(exp.maybe_parse(condition, dialect="duckdb"), value)
    return exp.Paren(this=case.else_(default) if default is not None else case)


def _refusal(text: str) -> exp.Expr:
    return exp.Anonymous(this="error", expressions=[exp.Literal.string(text)])


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb", identify=True)


def _difference(node: exp.Expr) -> exp.Expr:
    # Trino counts whole units between two times, DuckDB's date_diff the boundaries.
    unit = exp.Literal.string(node.text("unit").lower() or "day")
    return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])


def _table(node: exp.Expr) -> exp.Expr:
    if not node.args.get("catalog"):
        return node
    return exp.Table(this=node.this, db=node.args["db"], alias=node.args.get("alias"))


def _quotient(node: exp.Expr) -> exp.Expr:
    # A decimal with the digits of its operands in Trino, a double in DuckDB.
    mine, other = node.this, node.expression
    decimal = f"(typeof({_sql(mine)}) LIKE 'DECIMAL%' OR typeof({_sql(other)}) LIKE 'DECIMAL%')"
    exact = f"{decimal} AND NOT typeof({_sql(mine)}) IN {FLOATING} AND NOT typeof({_sql(other)}) IN {FLOATING}"
    refused = _refusal("A quotient of decimals has its operands' digits in Athena; write CAST(a AS double) / b")
    tried = node.find_ancestor(exp.Try)
    if tried is None:
        node.set("this", _case((exact, refused), default=mine.copy()))
    else:
        tried.meta.setdefault(REFUSED, []).append((exact, refused))
    return node


def _tried(node: exp.Expr) -> exp.Expr:
    # What is refused is so before it is tried: TRY would make null of it.
    refused = node.meta.pop(REFUSED, [])
    return _case(*refused, default=node.copy()) if refused else node


def _mean(node: exp.Expr) -> exp.Expr:
    mine = node.this
    refused = _refusal("A mean of decimals has their digits in Athena; write avg(CAST(x AS double))")
    inner = mine.expressions[0] if isinstance(mine, exp.Distinct) else mine
    inner.replace(_case((f"typeof({_sql(inner)}) LIKE 'DECIMAL%'", refused), default=inner.copy()))
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    kind = node.args["to"]
    if kind.this in exp.DataType.TEXT_TYPES:
        return _text(node, kind)
    if kind.this is exp.DataType.Type.DECIMAL:
        refused = _refusal("A double has its exact digits as a decimal in Athena; use round(x, n)")
        return _case((f"typeof({_sql(node.this)}) IN {FLOATING}", refused), default=node.copy())
    return _whole(node) if kind.this.value in WHOLE else node


def _text(node: exp.Expr, kind: exp.Expr) -> exp.Expr:
    if kind.expressions or kind.this.value in {"CHAR", "NCHAR"}:
        raise BadInput("CAST to a text of some length cuts and pads in Athena; use substr or rpad")
    mine = node.this.copy()
    named = f"typeof({_sql(mine)})"
    return _case(
        (f"{named} LIKE 'TIMESTAMP%'", _refusal("A time as text has another form in Athena; use date_format")),
        (f"{named} IN {FLOATING}", _refusal("A double as text has another form in Athena; leave it a number")),
        default=node.copy(),
    )


def _whole(node: exp.Expr) -> exp.Expr:
    """Cast to an integer: a double is rounded half away from zero; a text may have nothing but digits."""
    mine = node.this.copy()
    rounded, text = node.copy(), f"CAST({_sql(mine)} AS VARCHAR)"
    double = exp.TryCast(this=mine, to=exp.DataType.build("double"))
    rounded.set("this", exp.Anonymous(this="round", expressions=[double]))
    refused = _refusal("The text is no whole number; cast it to double first")
    wrong = exp.Null() if isinstance(node, exp.TryCast) or node.find_ancestor(exp.Try) else refused
    return _case(
        (f"typeof({_sql(mine)}) IN {FLOATING}", rounded),
        (f"typeof({_sql(mine)}) = 'VARCHAR' AND NOT regexp_full_match({text}, '[+-]?[0-9]+')", wrong),
        default=node.copy(),
    )


def _extracted(node: exp.Expr) -> exp.Expr:
    extracted = exp.Anonymous(this="regexp_extract", expressions=[node.this, node.expression])
    if (group := node.args.get("group")) is not None:
        extracted.append("expressions", group)
    return _case((f"regexp_matches({_sql(node.this)}, {_sql(node.expression)})", extracted), default=exp.Null())


def _replaced(node: exp.Expr) -> exp.Expr:
    by = node.args.get("replacement")
    if by is not None and (not by.is_string or set(by.name) & set("$\\")):
        raise BadInput("regexp_replace by groups is written otherwise in Athena; replace by a text without $ and \\")
    return node


def _part(node: exp.Expr) -> exp.Expr:
    number = node.args.get("part_index")
    if not isinstance(number, exp.Literal) or not number.is_int or int(number.name) < 1:
        raise BadInput("split_part is to be asked for a part by its number, from 1")
    split = exp.Anonymous(this="string_split", expressions=[node.this, node.args["delimiter"]])
    return exp.Anonymous(this="list_extract", expressions=[split, number])


def _subscript(node: exp.Expr) -> exp.Expr:
    if node.args.get("safe"):  # As element_at is.
        return node
    raise BadInput("a subscript beyond the end is an error in Athena and null here; use element_at(list, n)")


def _pieces(node: exp.Expr) -> exp.Expr:
    if node.args.get("limit") is not None:
        raise BadInput("split into a number of parts has another form here; use split_part or regexp_extract")
    return node


def _slice(node: exp.Expr) -> exp.Expr:
    # Trino takes a length, from the end where the start is below 0; DuckDB takes the last place.
    start, length = node.args["start"], node.args["end"]
    if not start.is_int or start.to_py() == 0 or not length.is_int or length.to_py() < 0:
        raise BadInput("slice is to be asked for a part by two whole numbers: a start other than 0, and a length")
    first = start.to_py()
    last = first + length.to_py() - 1
    if first < 0 <= last:
        last = -1
    if not length.to_py():
        first, last = 2, 1
    places = [exp.Literal.number(place) for place in (first, last)]
    return exp.Anonymous(this="list_slice", expressions=[node.this, *places])


def _place_in(node: exp.Expr) -> exp.Expr:
    place = exp.Anonymous(this="list_position", expressions=[node.this, node.expression])
    unknown = f"{_sql(node.this)} IS NULL OR {_sql(node.expression)} IS NULL"
    return _case((unknown, exp.Null()), default=exp.Coalesce(this=place, expressions=[exp.Literal.number(0)]))


def _extreme(node: exp.Expr) -> exp.Expr:
    """A null in a list makes its greatest and least null; DuckDB leaves it out."""
    values = _sql(node.this)
    return _case((f"list_count({values}) < len({values})", exp.Null()), default=node.copy())


def _repeated(_node: exp.Expr) -> exp.Expr:
    raise BadInput("repeat makes a list in Athena, and a text here; use rpad")


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if start is None:
        return node
    nothing = f"{_sql(start)} = 0 OR -({_sql(start)}) > length({_sql(node.this)})"
    if length is not None:
        nothing += f" OR {_sql(length)} <= 0"
    return _case((nothing, exp.Literal.string("")), default=node.copy())


def _field(node: exp.Expr) -> exp.Expr:
    """Extract a field of a date: days of the week are counted from Monday, and a week has its own year."""
    name = node.this.name.lower()
    if name.startswith(("milli", "micro", "nano")):
        raise BadInput(f"{name} is without the seconds in Athena; use date_format with %f")
    node.set("this", exp.var(FIELDS.get(name, name)))
    return node


FIELDS = {"dow": "isodow", "day_of_week": "isodow", "doy": "doy", "day_of_year": "doy", "yow": "isoyear",
          "year_of_week": "isoyear", "day_of_month": "day"}  # fmt: skip
_MEANINGS: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.ArrayMax: _extreme,
    exp.ArrayMin: _extreme,
    exp.ArrayPosition: _place_in,
    exp.ArraySlice: _slice,
    exp.Avg: _mean,
    exp.Bracket: _subscript,
    exp.Cast: _cast,
    exp.DateDiff: _difference,
    exp.Div: _quotient,
    exp.Extract: _field,
    exp.RegexpExtract: _extracted,
    exp.RegexpReplace: _replaced,
    exp.Repeat: _repeated,
    exp.Split: _pieces,
    exp.SplitPart: _part,
    exp.Substring: _substring,
    exp.Table: _table,
    exp.Try: _tried,
    exp.TryCast: _cast,
}
