"""Annotations in quotes: they name types, and are never run as code."""

from typing import Any, ForwardRef, Literal, NamedTuple

import pytest

from fanfold.errors import BadInput
from fanfold.strategy.annotations import hints_of

RUN: list[int] = []
CODE = "RUN.append(1)"
LISTED: Any = list.__class_getitem__(CODE)


def _annotated(annotation: Any) -> Any:
    def step(bars: int) -> None: ...

    step.__annotations__["bars"] = annotation
    return step


@pytest.mark.parametrize(
    "annotation", [CODE, f"list['{CODE}']", f" {CODE}", LISTED, int | LISTED, ForwardRef(CODE), "(x := 1)"]
)
def test_code_in_an_annotation_is_refused_and_not_run(annotation: Any) -> None:
    with pytest.raises(BadInput, match="more than the name of a type"):
        hints_of(_annotated(annotation))
    assert RUN == []


def test_code_in_a_field_of_a_named_tuple_is_refused_and_not_run() -> None:
    class Params(NamedTuple):
        fast: CODE = 3  # type: ignore[valid-type]

    with pytest.raises(BadInput, match="more than the name of a type"):
        hints_of(Params)
    assert RUN == []


@pytest.mark.parametrize(
    ("annotation", "meant"),
    [
        (int, int),
        ("int", int),
        ("tuple[int, float]", tuple[int, float]),
        ("'int'", int),
        ("int | None", int | None),
        (Literal["long"], Literal["long"]),
        (Literal["print()"], Literal["print()"]),
        ("Literal['long']", Literal["long"]),
    ],
)
def test_names_of_types_are_what_they_name(annotation: Any, meant: Any) -> None:
    assert hints_of(_annotated(annotation))["bars"] == meant
