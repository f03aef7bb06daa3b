"""``fanfold doctor``: what is wrong with this machine and checkout, and the command that mends it."""

import os
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile

from fanfold import desk
from fanfold.cli.commands.command import Command
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.errors import BadInput
from fanfold.local.driver import RUN_FILE
from fanfold.local.launcher import NODE_WANTED, repository_root
from fanfold.local.session import running_cloud
from fanfold.stages.finding import StageFinding
from fanfold.stages.findings import stage_findings
from fanfold.strategy import folder

PYTHON_MIN = (3, 11)
NODE_MIN = (20, 19)
DISK_FREE_MIN = 1 << 30
EMULATOR = "ministack"


def doctor(arguments: Namespace) -> Answer:
    """Every check, each with its finding; a failure where one has to be mended."""
    findings = [check(arguments) for check in CHECKS]
    if arguments.stage:
        findings += stage_findings(arguments.stage, arguments.desk, os.environ)
    wrong = [finding for finding in findings if finding.fix]
    width = max(len(finding.name) for finding in findings) + 2
    lines = [line for finding in findings for line in _lines(finding, width)]
    lines.append(f"{len(wrong)} to mend" if wrong else "all is well")
    document = {"ok": not wrong, "findings": [one._asdict() | {"ok": not one.fix} for one in findings]}
    return Answer(document, ["\n".join(lines)], Exit.FAILED if wrong else Exit.OK)


def node_finding(said: str) -> StageFinding:
    """The finding on what ``node --version`` said; "" where there is no node."""
    fix = "install Node 22 (https://nodejs.org) and put it on the path"
    if not said:
        return StageFinding("node", f"not on the path. {NODE_WANTED}", fix)
    try:
        major, minor = (int(part) for part in said.lstrip("v").split(".")[:2])
    except ValueError:
        return StageFinding("node", f"says {said!r}, which is no version. {NODE_WANTED}", fix)
    if (major, minor) < NODE_MIN:
        return StageFinding("node", f"{said}. {NODE_WANTED}", fix)
    return StageFinding("node", said)


def _python(_arguments: Namespace) -> StageFinding:
    found = sys.version.split()[0]
    fix = "" if sys.version_info >= PYTHON_MIN else "install Python 3.11 or newer and run `make install` with it"
    return StageFinding("python", found, fix)


def _node(_arguments: Namespace) -> StageFinding:
    node = shutil.which("node")
    if node is None:
        return node_finding("")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's own
    return node_finding(done.stdout.strip() or done.stderr.strip() or "nothing")


def _packages(_arguments: Namespace) -> StageFinding:
    tool = repository_root() / "node_modules" / ".bin" / "serverless"
    found = tool.exists()
    return StageFinding("npm packages", "installed" if found else f"{tool} is missing", "" if found else "make install")


def _emulator(_arguments: Namespace) -> StageFinding:
    extras = tomllib.loads((repository_root() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = next(one.partition("==")[2] for one in extras["console"] if one.startswith(EMULATOR))
    try:
        found = version(EMULATOR)
    except PackageNotFoundError:
        found = "not installed"
    wanted = f"pip install {EMULATOR}=={pinned}"
    return StageFinding("emulator", f"{EMULATOR} {found}, pinned {pinned}", "" if found == pinned else wanted)


def _disk(arguments: Namespace) -> StageFinding:
    place = _existing(arguments.state)
    free = shutil.disk_usage(place).free
    fix = "" if free >= DISK_FREE_MIN else f"free some of it (`df -h {place}`), or name another --state"
    return StageFinding("disk", f"{free / (1 << 30):.1f} GiB free at {place}", fix)


def _state(arguments: Namespace) -> StageFinding:
    place = _existing(arguments.state)
    try:
        with TemporaryFile(dir=place):
            return StageFinding("state", f"{arguments.state} can be written")
    except OSError as wrong:
        return StageFinding("state", f"{place} cannot be written: {wrong.strerror}", f"chmod u+rwx {place}")


def _desk(arguments: Namespace) -> StageFinding:
    try:
        folder.use(folder.chosen(os.environ.get("FANFOLD_STRATEGIES")))
        found = desk.parse(read_desk(arguments.desk), str(arguments.desk))
    except BadInput as wrong:
        return StageFinding("desk", str(wrong), f"mend it, then `fanfold desk check {arguments.desk}`")
    return StageFinding("desk", f"{arguments.desk} is valid: {len(found.strategies)} strategy instances")


def _clock(_arguments: Namespace) -> StageFinding:
    # Files cannot be of the future; a clock that says so signs requests that AWS and venues refuse.
    now, written = datetime.now(UTC), datetime.fromtimestamp(Path(desk.__file__).stat().st_mtime, UTC)
    fix = "" if now >= written else "set the clock: `timedatectl set-ntp true`"
    return StageFinding(
        "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC" + (", before these files were written" if fix else ""), fix
    )


def _run_file(arguments: Namespace) -> StageFinding:
    running = running_cloud(arguments.state)
    if running is not None:
        return StageFinding("run.json", f"a desk is running at {running.endpoint}")
    if not (arguments.state / RUN_FILE).exists():
        return StageFinding("run.json", "no desk is running")
    found = "no desk is running; the last run was killed, and `fanfold run --continue` goes on with it"
    return StageFinding("run.json", found)


def read_desk(path: Path) -> str:
    """The text of a desk file; raises BadInput where there is none."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"the desk file {path} cannot be read ({wrong}); name another, or write one") from wrong


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that there is."""
    whole = path.resolve()
    return next(one for one in (whole, *whole.parents) if one.is_dir())


def _lines(finding: StageFinding, width: int) -> list[str]:
    line = f"{'WRONG' if finding.fix else 'ok':<6}{finding.name:<{width}}{finding.found}"
    return [line, f"{'':<6}{'':<{width}}mend: {finding.fix}"] if finding.fix else [line]


CHECKS: tuple[Callable[[Namespace], StageFinding], ...] = (
    _python,
    _node,
    _packages,
    _emulator,
    _disk,
    _state,
    _desk,
    _clock,
    _run_file,
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--desk", type=Path, default=Path("desk.toml"), metavar="FILE", help="desk file (desk.toml)")
    about = "also what a deploy of this stage wants: settings, tools, the account and what is bootstrapped in it"
    parser.add_argument("--stage", default="", metavar="NAME", help=about)


COMMANDS = (
    Command(
        ("doctor",),
        "Check this machine and checkout; each finding comes with the command that mends it.",
        "fanfold doctor --stage dev",
        doctor,
        _add_arguments,
        (Exit.FAILED,),
    ),
)
