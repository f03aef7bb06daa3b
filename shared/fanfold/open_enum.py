"""Enums on the wire that are read, not decided by."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """An enum that keeps a member that it does not know, one of a later version, as the text that it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        later = str.__new__(cls, value)
        later._name_ = later._value_ = value
        return later
