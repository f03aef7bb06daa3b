"""What a check found."""

from typing import NamedTuple


class StageFinding(NamedTuple):
    """What was looked at, what was found, and what mends it ("" where nothing has to be mended)."""

    name: str
    found: str
    fix: str = ""
