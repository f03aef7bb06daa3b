"""Reject words and signs that the parser and DuckDB take and Athena does not, with what Athena takes in their place."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NoReturn

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

from fanfold.cli.athena_functions import FUNCTIONS, INSTEAD, TYPES
from fanfold.errors import BadInput, near

# Signs and words that stand alone, and what to write.
_SIGNS = {
    "::": "CAST(x AS type)",
    "==": "=",
    "<=>": "IS NOT DISTINCT FROM",
    "!": "NOT",
    "~": "bitwise_not(a)",
    "^": "power(a, b), or bitwise_xor(a, b)",
    "&": "bitwise_and(a, b)",
    "|": "bitwise_or(a, b)",
    "<<": "bitwise_left_shift(a, n)",
    ">>": "bitwise_right_shift(a, n)",
    "{": "MAP(keys, values), or CAST(ROW(...) AS ROW(name type))",
    "COLLATE": "lower(text)",
    "DIV": "a / b of whole numbers",
    "GLOB": "LIKE, or regexp_like(text, pattern)",
    "ILIKE": "lower(a) LIKE lower(b)",
    "ISNULL": "IS NULL",
    "NOTNULL": "IS NOT NULL",
    "REGEXP": "regexp_like(text, pattern)",
    "RLIKE": "regexp_like(text, pattern)",
    "SIMILAR TO": "regexp_like(text, pattern)",
    "USING SAMPLE": "TABLESAMPLE BERNOULLI (percentage)",
}
_WORDS = (TokenType.VAR, TokenType.IDENTIFIER)
# Words before a parenthesis that are no functions.
_BEFORE_PAREN = frozenset({
    "all", "and", "any", "as", "bernoulli", "between", "by", "case", "cross", "cube", "distinct", "else", "end",
    "except", "exists", "fetch", "from", "group", "grouping", "having", "in", "intersect", "is", "join",
    "json_table", "lateral", "like", "limit", "match_recognize", "materialized", "not", "offset", "on", "or",
    "over", "partition", "rollup", "select", "sets", "some", "system", "table", "tablesample", "then", "union",
    "unnest", "using", "values", "when", "where", "with",
})  # fmt: skip
_UNITS = frozenset(["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"])


def check_words(text: str, tables: Collection[str]) -> None:
    """Raise BadInput for a sign, a function or a form that Athena's grammar lacks.

    ``tables`` are names behind which a parenthesis names columns, in lower case.
    """
    tokens = sqlglot.tokenize(text, read="athena")
    for find in (_signs, _forms, _limits, _numbers, _intervals, _types):
        for lacking, instead in find(text, tokens):
            reject(lacking, instead)
    for lacking, instead in _functions(tokens, tables):
        reject(lacking, instead)


def reject(lacking: str, instead: str) -> NoReturn:
    """Raise BadInput for what Athena lacks; ``instead`` is "" where nothing takes its place."""
    cure = f"; use {instead} instead" if instead else ""
    raise BadInput(f"Athena has no {lacking}{cure}")


_Found = Iterator[tuple[str, str]]


def _signs(text: str, tokens: Sequence[Token]) -> _Found:
    for token in tokens:
        written = text[token.start : token.end + 1].upper()
        if token.token_type in (*_WORDS, TokenType.STRING):
            continue
        if (sign := " ".join(written.split())) in _SIGNS:
            yield sign, _SIGNS[sign]
        if token.token_type is TokenType.HEX_STRING and written.startswith("0X"):
            yield f"number {written}", "its decimal digits"


def _forms(_text: str, tokens: Sequence[Token]) -> _Found:
    """Yield what two words beside each other are that Athena has otherwise, or not at all."""
    outer = list(_outside_parentheses(tokens))
    if TokenType.FROM in outer and TokenType.SELECT not in outer[: outer.index(TokenType.FROM)]:
        yield _FROM_FIRST
    for first, second in pairwise(tokens):
        kinds = (first.token_type, second.token_type)
        if kinds in _FORMS:
            yield _FORMS[kinds]
        if second.token_type is TokenType.L_BRACKET and first.token_type not in _BEFORE_BRACKET:
            yield "list in brackets alone", "ARRAY[...]"


def _outside_parentheses(tokens: Sequence[Token]) -> Iterator[TokenType]:
    depth = 0
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if not depth:
            yield token.token_type


def _limits(_text: str, tokens: Sequence[Token]) -> _Found:
    for limit, number, after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
        if limit.token_type is not TokenType.LIMIT:
            continue
        counted = number.token_type is TokenType.NUMBER or number.text.upper() == "ALL"
        if not counted or (after and after.token_type is TokenType.MOD):
            yield "LIMIT other than of a number", "LIMIT 10"
        if after and after.token_type is TokenType.OFFSET:
            yield "LIMIT before OFFSET", "OFFSET m LIMIT n"


_FROM_FIRST = ("FROM without SELECT", "SELECT * FROM")
_COMMA_LAST = ("comma before the end of a list", "the list without it")
_FORMS = {
    (TokenType.UNION, TokenType.FROM): _FROM_FIRST,
    (TokenType.ALL, TokenType.FROM): _FROM_FIRST,
    (TokenType.L_PAREN, TokenType.FROM): _FROM_FIRST,
    (TokenType.COMMA, TokenType.FROM): _COMMA_LAST,
    (TokenType.COMMA, TokenType.R_PAREN): _COMMA_LAST,
    (TokenType.STRING, TokenType.STRING): ("texts beside each other", "||"),
    (TokenType.ALIAS, TokenType.STRING): ("name in single quotes", "double quotes"),
    (TokenType.LT, TokenType.LT): ("<<", "bitwise_left_shift(a, n)"),
}
_BEFORE_BRACKET = (*_WORDS, TokenType.ARRAY, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STRING)


def _numbers(_text: str, tokens: Sequence[Token]) -> _Found:
    for number, after in pairwise(tokens):
        if number.token_type is TokenType.NUMBER and after.start == number.end + 1 and after.text.startswith("_"):
            yield f"number {number.text}{after.text}", "the digits alone"


def _intervals(_text: str, tokens: Sequence[Token]) -> _Found:
    for place, token in enumerate(tokens[:-1]):
        if token.token_type is not TokenType.INTERVAL:
            continue
        after = [later for later in tokens[place + 1 : place + 4] if later.token_type is not TokenType.DASH]
        quoted = after[0].token_type is TokenType.STRING
        if not quoted or len(after) < 2 or after[1].text.upper() not in _UNITS:
            yield "interval of that form", "INTERVAL '1' DAY"


def _types(_text: str, tokens: Sequence[Token]) -> _Found:
    """Yield the types of casts that Athena has under another name."""
    around: list[str] = []
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.token_type is TokenType.L_PAREN:
            around.append(before.text.lower() if before else "")
        elif token.token_type is TokenType.R_PAREN and around:
            around.pop()
        elif token.token_type is TokenType.ALIAS and around and around[-1] in ("cast", "try_cast") and after:
            name = after.text.lower()
            if name.split()[0] not in TYPES:
                yield f"type {name}", _TYPES_INSTEAD.get(name, "one of " + ", ".join(sorted(TYPES)))


_TYPES_INSTEAD = {
    "blob": "varbinary",
    "float": "double, or real",
    "hugeint": "decimal(38, 0)",
    "string": "varchar",
    "struct": "row",
    "text": "varchar",
    "timestamptz": "timestamp",
}


def _functions(tokens: Sequence[Token], tables: Collection[str]) -> _Found:
    """Yield the names before parentheses that are no function of Athena's."""
    for token, after in pairwise(tokens):
        name = token.text.lower()
        if after.token_type is not TokenType.L_PAREN or not name.isidentifier() or name in tables:
            continue
        if token.token_type in _NO_NAMES or name in FUNCTIONS | TYPES | _BEFORE_PAREN or name.startswith("st_"):
            continue
        yield f"function {name}{near(name, sorted(FUNCTIONS))}", INSTEAD.get(name, "")


_NO_NAMES = (TokenType.STRING, TokenType.NUMBER)
