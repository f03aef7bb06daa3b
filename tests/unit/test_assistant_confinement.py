"""Code of an assistant's strategy: what its text may not say, and what its process may not do."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import msgspec
import pytest

from fanfold.cli.assistants import confined, written_strategies
from fanfold.cli.assistants.confined import Workroom
from fanfold.cli.assistants.confined_entry import Confinement
from fanfold.cli.assistants.folders import Folders
from fanfold.errors import BadInput
from support.desk_fixture import ROOT

EXAMPLES = sorted((ROOT / "examples" / "strategies").glob("*.py"))
# What a process within limits tries, and whether it is let.
TRIED = """
import sys
from pathlib import Path
from fanfold.cli.assistants.confined_entry import Confinement, confine
import msgspec, socket, subprocess, os, shutil
confine(msgspec.json.decode(sys.argv[1], type=Confinement))
allowed, closed, outside, scratch = map(Path, sys.argv[2:])
def by_descriptor(flags):
    # Relative to where the process stands, the path is in its own folder.
    (scratch / "a" / "b").mkdir(parents=True, exist_ok=True)
    os.chdir(scratch / "a" / "b")
    return os.open("../" + outside.name, flags, dir_fd=os.open(allowed.parent, os.O_RDONLY))
def removal():
    (scratch / "made" / "deep").mkdir(parents=True)
    shutil.rmtree(scratch / "made")
tries = {
    "remove own": removal,
    "read allowed": lambda: allowed.read_text(),
    "write scratch": lambda: (scratch / "x").write_text("x"),
    "read outside": lambda: outside.read_text(),
    "read closed": lambda: closed.read_text(),
    "write allowed": lambda: allowed.write_text("x"),
    "append outside": lambda: outside.open("a"),
    "link": lambda: os.symlink(outside, scratch / "l"),
    "read through a link": lambda: (allowed.parent / "link").read_text(),
    "remove": lambda: outside.unlink(),
    "environment of another": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "network": lambda: socket.create_connection(("127.0.0.1", 9)),
    "name look-up": lambda: socket.getaddrinfo("localhost", 80),
    "process": lambda: subprocess.run(["true"]),
    "shell": lambda: os.system("true"),
    "fork": lambda: os.fork(),
    "by a folder's descriptor": lambda: by_descriptor(os.O_RDONLY),
    "write by a folder's descriptor": lambda: by_descriptor(os.O_WRONLY | os.O_APPEND),
    "low open": lambda: os.open(outside, os.O_RDONLY),
}
for name, act in tries.items():
    try:
        act()
        print("done", name)
    except PermissionError:
        print("refused", name)
"""


def test_a_process_within_limits_reaches_nothing_beyond_its_folders(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "folder", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    for path in (folder / "data", folder / "key", tmp_path / "outside"):
        path.write_text("text")
    (folder / "link").symlink_to(tmp_path / "outside")
    limits = Confinement(
        read=[str(folder), sys.prefix, sys.base_prefix, str(ROOT / "shared")],
        write=[str(scratch)],
        closed=[str(folder / "key")],
        cpu_s=20,
        memory_bytes=confined.MEMORY_BYTES,
        file_bytes=10_000,
    )
    paths = [folder / "data", folder / "key", tmp_path / "outside", scratch]
    line = [sys.executable, "-c", TRIED, msgspec.json.encode(limits).decode(), *map(str, paths)]
    done = subprocess.run(line, env=confined.environment(scratch, scratch), capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert {row for row in said if row.startswith("done")} == {
        "done read allowed",
        "done write scratch",
        "done remove own",
    }
    assert len(said) == TRIED.count("lambda") + 1
    assert (tmp_path / "outside").read_text() == "text"


def test_a_process_has_no_key_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("FANFOLD_STATE", "there")
    variables = confined.environment(tmp_path, tmp_path)
    assert "secret" not in variables.values()
    assert variables.keys() <= {"PATH", "LANG", "LC_ALL", "TZ", "HOME", "XDG_CACHE_HOME", "FANFOLD_LIBRARY", "TMPDIR",
                                "PYTHONDONTWRITEBYTECODE", "NO_COLOR"}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import time\ntime.sleep(60)", "it did not end within 1 s"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)", "ended by a limit of its process (SIGXCPU)"),
        ("import sys\nsys.stderr.write('no such strategy')\nsys.exit(2)", "no such strategy"),
        ("pass", "it ended with exit code 0"),
        ("print('1' * 5_000_000)", "more than 4,194,304 bytes"),
    ],
)
def test_a_command_that_gives_no_answer_is_an_error_with_words(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        confined.run([sys.executable, "-c", code], tmp_path, dict(os.environ), 1 if "sleep" in code else 60, Event())
    assert words in str(refused.value)


def test_a_strategy_that_an_assistant_wrote_is_checked_in_such_a_process(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / confined.CACHE).mkdir(parents=True)
    room = Workroom(own, Folders(()), Event())
    sound = written_strategies.keep(own, "dip", (ROOT / "examples" / "strategies" / "rsi_dip.py").read_text())
    assert room.run(["strategy", "check", str(sound)], 120).good
    with pytest.raises(BadInput, match="neither an instance of the desk"):
        room.run(["backtest", "nosuch"], 120)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_strategies_say_nothing_that_is_refused(path: Path) -> None:
    assert list(written_strategies.refusals(path.read_text())) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "import math, os",
        "from os import system",
        "from typing import sys",
        "from fanfold.strategies import *",
        "from fanfold import stages",
        "from . import x",
        "from fanfold.strategy.folder import sys",
        "x = open('/etc/passwd')",
        "x = eval('1')",
        "x = __import__('os')",
        "x = getattr(1, 'real')",
        "x = ().__class__.__bases__",
        "x = '{0.__class__}'.format(1)",
        "x = __builtins__",
        "match 1:\n    case object(__class__=c): pass",
        "match 1:\n    case object(gi_frame=c): pass",
        "x = (n for n in ()).gi_frame.f_builtins",
        "x = (n for n in ()).gi_code",
        "try:\n    pass\nexcept ValueError as e:\n    x = e.tb_frame",
        "class A:\n    def __exit__(self, kind, fault, trace): pass",
        "# coding: utf-7\n# +AAo-import os",
        "# coding: latin-1\nx = 1",
        "x = '\ud800'",
        "help('os')",
        "async def f(): pass",
        "def f():\n    global x",
        "def f(",
        "x = 1\x00",
        "(" * 10_000,
        "x = 1\n" * 20_000,
    ],
)
def test_a_text_that_reaches_beyond_a_strategy_is_refused_before_it_runs(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="the strategy is not run"):
        written_strategies.keep(tmp_path, "mine", text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "_x", "a.b", "", "é"])
def test_a_name_that_is_no_strategys_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be a strategy's name"):
        written_strategies.keep(tmp_path, name, "x = 1")
