"""Findings: what was measured, whether that passes, and what to change where it does not."""

from typing import Any, Literal

import msgspec

Outcome = Literal["passed", "failed", "not measured"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question of a verdict.

    ``change`` is empty where it passed; where it was not measured, it says what that takes. ``figures`` are for
    programs.
    """

    name: str
    outcome: Outcome
    measured: str
    change: str = ""
    figures: dict[str, Any] = {}

    @property
    def line(self) -> str:
        return f"{self.name}: {self.measured}" + (f". {self.change}" if self.change else "")


def passed(name: str, measured: str, **figures: Any) -> Finding:
    return Finding(name=name, outcome="passed", measured=measured, figures=figures)


def failed(name: str, measured: str, change: str, **figures: Any) -> Finding:
    return Finding(name=name, outcome="failed", measured=measured, change=change, figures=figures)


def judged(name: str, measured: str, change: str, *, passes: bool, **figures: Any) -> Finding:
    """Return a finding that passed or failed; ``change`` is what to do about a failure."""
    return passed(name, measured, **figures) if passes else failed(name, measured, change, **figures)


def unmeasured(name: str, measured: str, change: str) -> Finding:
    return Finding(name=name, outcome="not measured", measured=measured, change=change)
