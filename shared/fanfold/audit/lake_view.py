"""A view over the lake, and the macro of its SQL: an exact product of two amounts."""

import re

import msgspec

from fanfold.audit.lake_schema import Type

_PRODUCT = re.compile(r"exact_product\(([\w.]+), ([\w.]+)\)")


class LakeView(msgspec.Struct, frozen=True, kw_only=True):
    """A SELECT in Athena's SQL, and its columns in the order in which it selects them: type and meaning.

    Its ``text`` may say exact_product(a, b) of two columns that are amounts:

    >>> LakeView(name="squares", about="", columns={}, text="SELECT exact_product(a, a) AS square").sql[:47]
    'SELECT (CAST(CAST(floor(a) AS decimal(18,0)) * '
    """

    name: str
    about: str
    columns: dict[str, tuple[Type, str]]
    text: str

    @property
    def sql(self) -> str:
        """The text with its products written out."""
        return _PRODUCT.sub(_exact_product, self.text).strip()


def _exact_product(arguments: re.Match[str]) -> str:
    """Return the product as decimal(38,18), its digits beyond rounded once, half up.

    Neither engine multiplies two decimals of the lake. So their wholes and rests are multiplied apart: of the four
    products only that of the rests can have more than 18 decimals.
    """
    price, quantity = arguments[1], arguments[2]
    price_whole, whole = f"CAST(floor({price}) AS decimal(18,0))", f"CAST(floor({quantity}) AS decimal(20,0))"
    price_rest = f"CAST({price} - floor({price}) AS decimal(18,18))"
    rest = f"CAST({quantity} - floor({quantity}) AS decimal(18,18))"
    return (
        f"(CAST({price_whole} * {whole} AS decimal(38,18)) + {price_whole} * {rest} + {price_rest} * {whole}"
        f" + CAST({price_rest} * {rest} AS decimal(38,18)))"
    )
