"""The tool that builds images is installed where root and apt are available, and named where they are not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold_dev.images import installing

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with some programs, each of which notes its words in a file; no docker."""

    def make(*programs: str, user: int = 0, code: int = 0) -> Path:
        noted = tmp_path / "noted"
        noted.touch()
        for name in programs:
            (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $* >> {noted}\necho unreachable >&2\nexit {code}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("BASE_IMAGE", raising=False)
        monkeypatch.setattr("os.geteuid", lambda: user)
        container_tool.docker_answers.cache_clear()
        return noted

    return make


@pytest.fixture(autouse=True)
def forget_docker() -> object:
    """Forget the answer of a test's machine before the next test."""
    yield
    container_tool.docker_answers.cache_clear()


def test_missing_packages_are_installed(machine: Machine) -> None:
    noted = machine("apt-get")
    installing.builder()
    assert noted.read_text().splitlines() == [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends buildah crun debootstrap",
    ]


def test_nothing_is_installed_where_all_is_there(machine: Machine) -> None:
    noted = machine("apt-get", "buildah", "debootstrap")
    installing.builder()
    assert noted.read_text() == ""


def test_a_named_base_needs_no_debootstrap(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = machine("apt-get", "buildah")
    monkeypatch.setenv("BASE_IMAGE", "lambda@sha256:00")
    installing.builder()
    assert noted.read_text() == ""


@pytest.mark.parametrize(("programs", "user"), [((), 0), (("apt-get",), 1_000)])
def test_without_root_and_apt_the_reason_is_told(machine: Machine, programs: tuple[str, ...], user: int) -> None:
    machine(*programs, user=user)
    with pytest.raises(BadInput, match=r"debootstrap is missing.*root and apt"):
        installing.builder()


def test_packages_that_cannot_be_installed_are_named_as_the_reason(machine: Machine) -> None:
    machine("apt-get", code=1)
    with pytest.raises(BadInput, match=r"apt-get -qq update.*\n.*unreachable"):
        installing.builder()
