"""Whatever a user gets wrong, or the machine lacks, is told in a line and an exit code, never in a traceback."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
DESK = str(ROOT / "desk.toml")


class Said(NamedTuple):
    """The result of a command."""

    code: int
    out: str
    err: str


def fanfold(*words: str, stdout: Any = subprocess.PIPE, **environ: str) -> Said:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "fanfold.cli.entry", *words]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT / "shared")} | environ, stdout=stdout,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    said = Said(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())
    assert "Traceback" not in said.err
    return said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["serve", "--port", "99999"], "'99999' is not a port from 0 to 65535"),
        (["serve", "--port", "-1"], "--port"),
        (["run", "--state", DESK], "desk.toml is a file, or lies in one; name a directory with --state"),
        (["run", "--state", f"{DESK}/deeper"], "is a file, or lies in one"),
        (["run", "--state", "/proc/nope"], "/proc/nope: No such file or directory"),
        (["run", "--desk", "/proc"], "/proc"),
        (["run", "--data", "/proc"], "/proc"),
        (["run", "--minutes", "9" * 30], "the seeded market is made for"),
        (["run", "--speed", "1e-30"], "at least 1e-05"),
        (["run", "--cash", "nan"], "'nan' is not an amount above zero"),
        (["desk", "check", "/proc/self/mem"], "cannot be read"),
        (["run", "--continue", "--overwrite"], "are mutually exclusive"),
    ],
)
def test_wrong_input_is_named(words: list[str], named: str) -> None:
    said = fanfold(*words, *(["--desk", DESK] if words[0] == "run" and "--desk" not in words else []))
    assert (said.code, said.out) == (2, ""), said
    assert named in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("words", [["strategies"], ["strategies", "--json"], ["desk", "check", DESK]])
def test_a_full_disk_under_standard_output_is_reported(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        said = fanfold(*words, stdout=full)
    assert (said.code, said.err) == (2, "fanfold: standard output cannot be written: No space left on device\n")


def test_a_closed_pipe_ends_a_command_silently() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert fanfold("strategies", stdout=pipe) == Said(0, "", "")


def test_a_closed_pipe_during_help_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert fanfold("--help", stdout=pipe) == Said(0, "", "")


def test_ctrl_c_ends_a_command_with_130_and_in_silence() -> None:
    command = [sys.executable, "-m", "fanfold.cli.entry", "stage", "smoke", "dev"]
    # An endpoint that takes the connection and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}", "AWS_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PYTHONPATH": str(ROOT / "shared")}  # fmt: skip
        running = subprocess.Popen(["env", "--default-signal=INT", *command], env=os.environ | keys,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        silent.settimeout(60)
        connection, _ = silent.accept()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        connection.close()
    assert (running.returncode, out, err) == (130, b"", b"")


def test_a_closed_standard_output_discards_the_output() -> None:
    shell = f"{sys.executable} -m fanfold.cli.entry strategies >&-"
    done = subprocess.run(["sh", "-c", shell], env=os.environ | {"PYTHONPATH": str(ROOT / "shared")},
                          capture_output=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("language", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}])
def test_names_and_reasons_are_read_whatever_the_locale(tmp_path: Path, language: dict[str, str]) -> None:
    desk = tmp_path / "schön.toml"
    desk.write_text(Path(DESK).read_text().replace("# What trades", "# Was gehandelt wird: é, ¥"), encoding="utf-8")
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} | language
    said = fanfold("desk", "check", str(desk), **plain)
    assert (said.code, "schön.toml is valid" in said.out) == (0, True), said
    said = fanfold("desk", "check", str(tmp_path / "größer.toml"), **plain)
    assert (said.code, "größer.toml" in said.err) == (2, True)


def test_an_argument_that_is_not_text_is_rejected(tmp_path: Path) -> None:
    said = fanfold("--state", str(tmp_path), "why", os.fsdecode(b"\xff\xfe"))
    assert (said.code, "is not UTF-8" in said.err) == (2, True)
