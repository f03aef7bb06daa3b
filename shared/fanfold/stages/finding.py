"""The finding of a check."""

from typing import NamedTuple


class StageFinding(NamedTuple):
    """The subject of a check, its finding, and the command that mends it ("" where nothing has to be mended)."""

    name: str
    found: str
    fix: str = ""
