"""The audit of dependencies: what it reports, and that it never takes silence for good news."""

import json
from pathlib import Path
from typing import Any

import pytest

from fanfold.errors import BadInput
from fanfold_dev.images import advisories

FLAW = {"id": "PYSEC-1", "fix_versions": ["2"]}


@pytest.fixture
def saying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program of some name that prints a text and ends with 1, as both do for advisories."""
    # The real ones stand beside the interpreter.
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def make(name: str, text: str) -> None:
        (tmp_path / "report").write_text(text)
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/report\necho 'no route to host' >&2\nexit 1\n")
        program.chmod(0o755)

    return make


def test_advisories_of_a_lock_are_reported_with_the_fixed_version(saying: Any, tmp_path: Path) -> None:
    parts = [{"name": "a", "version": "1", "vulns": [FLAW]}, {"name": "b", "version": "1", "vulns": []}]
    saying("pip-audit", json.dumps({"dependencies": parts}))
    assert advisories.of_lock(tmp_path / "lock.txt") == ["a 1: PYSEC-1, fixed in 2"]


def test_severe_npm_advisories_are_reported(saying: Any, tmp_path: Path) -> None:
    flaws = {"a": {"severity": "critical"}, "b": {"severity": "low"}}
    saying("npm", json.dumps({"vulnerabilities": flaws}))
    assert advisories.of_npm(tmp_path) == ["a: critical"]


@pytest.mark.parametrize("text", ["", '{"error": {"code": "ENOTFOUND"}}'])
def test_an_unreachable_advisory_database_is_an_error(saying: Any, tmp_path: Path, text: str) -> None:
    saying("npm", text)
    with pytest.raises(BadInput, match="nothing was audited"):
        advisories.of_npm(tmp_path)


def test_a_skipped_dependency_is_an_error(saying: Any, tmp_path: Path) -> None:
    saying("pip-audit", json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]}))
    with pytest.raises(BadInput, match="does not know a of"):
        advisories.of_lock(tmp_path / "lock.txt")


@pytest.mark.usefixtures("saying")
def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"pip-audit is not installed.*advisories"):
        advisories.of_lock(tmp_path / "lock.txt")
