"""Answers as text and JSON."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fanfold.cli.output import Answer, cell, grid, show
from fanfold.money import amount

ROWS = [{"name": "long one", "price": Decimal("10.50")}, {"name": "x", "price": Decimal("1E+3")}]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def text_of(answer: Answer, out: io.StringIO, *, as_json: bool = False) -> str:
    show(answer, as_json=as_json, out=out)
    return out.getvalue()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8))
def test_an_amount_reads_back_as_what_it_was(value):
    assert Decimal(amount(value)) == value
    assert "E" not in amount(value)


def test_numbers_are_aligned_right_and_no_line_ends_in_blanks():
    text = text_of(Answer({}, [grid("", ROWS, {"price": "price", "name": "name"})]), io.StringIO())
    assert text == "price  name\n 10.5  long one\n 1000  x\n"


def test_a_terminal_gets_a_table_with_every_cell():
    prices = grid("prices", ROWS, {"name": "name", "price": "price"})
    text = text_of(Answer({}, [prices, "[red]no markup[/red]"]), Terminal())
    assert "long one" in text
    assert "1000" in text
    assert "[red]no markup[/red]" in text


def test_a_text_from_outside_cannot_steer_the_terminal():
    reason = "refused\x1b[2J\x1b]0;owned\x07\u202e"
    text = text_of(Answer({}, [reason, grid("", [{"reason": reason}], {"reason": "reason"})]), Terminal())
    assert "refused\ufffd[2J" in text
    assert not any(part in text for part in ("\x1b[2J", "\x1b]0", "\x07", "\u202e"))


def test_a_table_wider_than_the_terminal_keeps_its_numbers_whole():
    wide = [{f"column {n}": Decimal(10) ** 20 + n for n in range(10)}]
    text = text_of(Answer({}, [grid("", wide, {name: name for name in wide[0]})]), Terminal())
    assert "100000000000000000009" in text


def test_json_has_amounts_as_strings_and_no_colour_even_on_a_terminal():
    text = text_of(Answer({"price": Decimal("1.10"), "weight": 0.5}, []), Terminal(), as_json=True)
    assert "\x1b" not in text
    assert json.loads(text) == {"price": "1.10", "weight": 0.5}


def test_cells_read_as_people_write_them():
    at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert [cell(value) for value in (None, True, at, [Decimal("1.0"), "x"], 0.5)] == [
        "",
        "yes",
        "2026-03-01 12:30:00",
        "1, x",
        "0.5",
    ]
