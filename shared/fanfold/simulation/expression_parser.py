"""The tokens of DynamoDB's expressions, from left to right."""

import re
from collections.abc import Callable, Mapping

from fanfold.aws.dynamodb.attribute_values import AttributeValue, Item
from fanfold.simulation.items import invalid

Path = tuple[str | int, ...]
Values = Mapping[str, AttributeValue]
Operand = Callable[[Item, Values], AttributeValue | None]
_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|#\w+|:\w+|\d+|<=|>=|<>|[=<>(),.\[\]+-])")


class Parser:
    """Tokens from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self.placeholders: set[str] = set()
        self.ranges: list[tuple[str, str]] = []

    def peek(self) -> str:
        """Return the next token, "" at the end; keywords in capitals."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token.upper() != wanted):
            raise self.wrong()
        self._at += 1
        return token

    def takes(self, wanted: str) -> bool:
        """Return whether the next token is this one, and take it if so."""
        if self.peek().upper() != wanted:
            return False
        self._at += 1
        return True

    def value(self) -> str:
        name = self.take()
        if not name.startswith(":"):
            raise self.wrong()
        self.placeholders.add(name)
        return name

    def path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while self.peek() in (".", "["):
            if self.take() == ".":
                steps.append(self._name())
            else:
                steps.append(int(self.take()))
                self.take("]")
        return tuple(steps)

    def _name(self) -> str:
        name = self.take()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise self.wrong()
        return name

    def list_of(self, parse: Callable[["Parser"], Operand]) -> list[Operand]:
        """Parse a list in parentheses, separated by commas."""
        self.take("(")
        operands = [parse(self)]
        while self.takes(","):
            operands.append(parse(self))
        self.take(")")
        return operands

    def end(self) -> None:
        if self.peek():
            raise self.wrong()

    def wrong(self) -> Exception:
        return invalid(f"Invalid expression: Syntax error at {self.peek()!r} in {self._text!r}")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    rest = text.rstrip()
    while at < len(rest):
        match = _TOKEN.match(rest, at)
        if match is None:
            raise invalid(f"Invalid expression: Syntax error at {rest[at:]!r} in {text!r}")
        tokens.append(match[1])
        at = match.end()
    return tokens
