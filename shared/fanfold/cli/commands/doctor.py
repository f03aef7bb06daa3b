"""Check this machine and checkout, and print the command that fixes each problem.

Example: fanfold doctor
Example: fanfold doctor --stage dev
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from fanfold import desk
from fanfold.cli.argument_types import DeskFile, Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.errors import BadInput
from fanfold.local import desk_meaning
from fanfold.local.driver import RUN_FILE
from fanfold.local.launcher import NODE_WANTED, repository_root
from fanfold.local.session import running_cloud
from fanfold.stages.finding import StageFinding
from fanfold.stages.findings import stage_findings
from fanfold.strategy import folder

EXITS = (Exit.FAILED,)
PYTHON_MIN = (3, 11)
NODE_MIN = (20, 19)
DISK_FREE_MIN = 1 << 30
EMULATOR = "ministack"


class Installation(NamedTuple):
    """The installation that is checked: its state directory and desk file."""

    state: Path
    desk: Path


def command(
    *,
    options: Shared,
    desk_file: Annotated[DeskFile, Parameter(name="--desk")] = Path("desk.toml"),
    stage: Annotated[
        str,
        Parameter(
            metavar="NAME",
            help="also what a deploy of this stage needs: settings, tools, the account and what is bootstrapped in it",
        ),
    ] = "",
) -> Answer:
    """Return every check with its finding; a failure where one has to be fixed."""
    findings = [check(Installation(options.state, desk_file)) for check in CHECKS]
    if stage:
        findings += stage_findings(stage, desk_file, os.environ)
    wrong = [finding for finding in findings if finding.fix]
    width = max(len(finding.name) for finding in findings) + 2
    lines = [line for finding in findings for line in _lines(finding, width)]
    lines.append(f"{len(wrong)} to fix" if wrong else "all is well")
    document = {
        "ok": not wrong,
        "findings": [finding._asdict() | {"ok": not finding.fix} for finding in findings],
    }
    return Answer(document, ["\n".join(lines)], Exit.FAILED if wrong else Exit.OK)


def node_finding(output: str) -> StageFinding:
    """Return the finding on the output of ``node --version``; "" where there is no node."""
    fix = "install Node 22 (https://nodejs.org) and put it on the path"
    if not output:
        return StageFinding("node", f"not on the path. {NODE_WANTED}", fix)
    try:
        major, minor = (int(part) for part in output.lstrip("v").split(".")[:2])
    except ValueError:
        return StageFinding("node", f"says {output!r}, which is no version. {NODE_WANTED}", fix)
    if (major, minor) < NODE_MIN:
        return StageFinding("node", f"{output}. {NODE_WANTED}", fix)
    return StageFinding("node", output)


def _python(_installation: Installation) -> StageFinding:
    version_text = sys.version.split()[0]
    fix = "" if sys.version_info >= PYTHON_MIN else "install Python 3.11 or newer and run `make install` with it"
    return StageFinding("python", version_text, fix)


def _node(_installation: Installation) -> StageFinding:
    node = shutil.which("node")
    if node is None:
        return node_finding("")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's own
    return node_finding(done.stdout.strip() or done.stderr.strip() or "nothing")


def _packages(_installation: Installation) -> StageFinding:
    tool = repository_root() / "node_modules" / ".bin" / "serverless"
    there = tool.exists()
    return StageFinding("npm packages", "installed" if there else f"{tool} is missing", "" if there else "make install")


def _emulator(_installation: Installation) -> StageFinding:
    extras = tomllib.loads((repository_root() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = next(pin.partition("==")[2] for pin in extras["console"] if pin.startswith(EMULATOR))
    try:
        installed = version(EMULATOR)
    except PackageNotFoundError:
        installed = "not installed"
    fix = "" if installed == pinned else f"pip install {EMULATOR}=={pinned}"
    return StageFinding("emulator", f"{EMULATOR} {installed}, pinned {pinned}", fix)


def _disk(installation: Installation) -> StageFinding:
    place = _existing(installation.state)
    free = shutil.disk_usage(place).free
    fix = "" if free >= DISK_FREE_MIN else f"free some of it (`df -h {place}`), or name another --state"
    return StageFinding("disk", f"{free / (1 << 30):.1f} GiB free at {place}", fix)


def _state(installation: Installation) -> StageFinding:
    place = _existing(installation.state)
    try:
        with TemporaryFile(dir=place):
            return StageFinding("state", f"{installation.state} can be written")
    except OSError as wrong:
        return StageFinding("state", f"{place} cannot be written: {wrong.strerror}", f"chmod u+rwx {place}")


def _desk(installation: Installation) -> StageFinding:
    try:
        folder.use(folder.chosen(os.environ.get("FANFOLD_STRATEGIES")))
        parsed = desk_meaning.load(installation.desk)
    except BadInput as wrong:
        return StageFinding("desk", str(wrong), f"fix it, then `fanfold desk check {installation.desk}`")
    return StageFinding("desk", f"{installation.desk} is valid: {len(parsed.strategies)} strategy instances")


def _clock(_installation: Installation) -> StageFinding:
    # Files cannot be of the future; a clock that says so signs requests that AWS and venues refuse.
    now, written = datetime.now(UTC), datetime.fromtimestamp(Path(desk.__file__).stat().st_mtime, UTC)
    fix = "" if now >= written else "set the clock: `timedatectl set-ntp true`"
    return StageFinding(
        "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC" + (", before these files were written" if fix else ""), fix
    )


def _run_file(installation: Installation) -> StageFinding:
    running = running_cloud(installation.state)
    if running is not None:
        return StageFinding("run.json", f"a desk is running at {running.endpoint}")
    if not (installation.state / RUN_FILE).exists():
        return StageFinding("run.json", "no desk is running")
    killed = "no desk is running; the last run was killed, and `fanfold run --continue` goes on with it"
    return StageFinding("run.json", killed)


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that exists."""
    whole = path.resolve()
    return next(directory for directory in (whole, *whole.parents) if directory.is_dir())


def _lines(finding: StageFinding, width: int) -> list[str]:
    line = f"{'WRONG' if finding.fix else 'ok':<6}{finding.name:<{width}}{finding.found}"
    return [line, f"{'':<6}{'':<{width}}fix: {finding.fix}"] if finding.fix else [line]


CHECKS: tuple[Callable[[Installation], StageFinding], ...] = (
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
