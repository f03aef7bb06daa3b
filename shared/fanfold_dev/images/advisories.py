"""``make audit-dependencies``: advisories against the pinned dependencies, from pip-audit and npm."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local.launcher import repository_root
from fanfold_dev.images import layout

GRAVE = ("high", "critical")
INSTALL = ".venv/bin/python -m uv pip install '.[advisories]'"


def main() -> int:
    """Print advisories; return 1 where there are any, 2 where a database could not be reached."""
    root = repository_root()
    lines: list[str] = []
    try:
        for service in SERVICES:
            lines += [f"{service}: {advisory}" for advisory in of_lock(layout.requirements(service, root))]
        lines += [f"npm: {advisory}" for advisory in of_npm(root)]
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    print("\n".join(lines) or "no advisory is known against what the images and the tools are pinned to")
    return 1 if lines else 0


def of_lock(requirements: Path) -> list[str]:
    """Return the advisories against a lock with hashes. Raises BadInput where the database can't be reached."""
    tool = _program("pip-audit", INSTALL)
    command = [tool, "--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    report = _answer([*command, f"--requirement={requirements}"], requirements.parent, "dependencies")
    # A mirror that has packages and no advisories makes pip-audit pass over all of them.
    skipped = [entry["name"] for entry in report["dependencies"] if "skip_reason" in entry]
    if skipped:
        raise BadInput(f"nothing was audited: the database does not know {', '.join(skipped)} of {requirements.name}")
    return [
        f"{entry['name']} {entry['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for entry in report["dependencies"]
        for flaw in entry.get("vulns", [])
    ]


def of_npm(root: Path) -> list[str]:
    """Return serious advisories against package-lock.json, which is used to package and deploy, and is in no image."""
    report = _answer([_program("npm", "install Node"), "audit", "--json"], root, "vulnerabilities")
    flaws: dict[str, dict[str, Any]] = report["vulnerabilities"]
    return [f"{name}: {flaw['severity']}" for name, flaw in flaws.items() if flaw["severity"] in GRAVE]


def _answer(command: Sequence[str], folder: Path, wanted: str) -> Any:
    """Return a program's JSON report; both programs exit with 1 for advisories and for an unreachable database."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - named above
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = {}
    if wanted not in report:
        text = (done.stderr or done.stdout).strip()[-600:]
        raise BadInput(f"nothing was audited: {Path(command[0]).name} got no answer from its database\n{text}")
    return report


def _program(name: str, install: str) -> str:
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if program is None:
        raise BadInput(f"nothing was audited: {name} is not installed; {install}")
    return program


if __name__ == "__main__":
    sys.exit(main())
