"""A stage in an AWS account: what `make bootstrap`, `deploy`, `smoke`, `rollback`, `remove` and `sweep-stages` do.

All goes to the account, or the emulator, that the usual AWS variables name.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fanfold.aws.client.call import AwsFault, Call, Endpoint, connect
from fanfold.deployment import SERVICES, STAGE
from fanfold.errors import BadInput
from fanfold.local.launcher import packaging, repository_root
from fanfold.stages import guard, names, pushing, rollback
from fanfold.stages.account import own_buckets
from fanfold.stages.bootstrap import Bootstrap
from fanfold.stages.findings import refuse_recordings
from fanfold.stages.removal import PLATFORM, Removal, StageFailed, described, sweep
from fanfold.stages.session import StageSession
from fanfold.stages.smoke import Smoke

# How long a stage of some days is there, where nobody says.
DAYS = 3


class Stage:
    """The six stacks of a stage; ``settings`` go into the tool's environment."""

    def __init__(self, name: str, call: Call, settings: Mapping[str, str], told: Callable[[str], None] = print) -> None:
        self._name = name
        self._call = call
        self._settings = dict(settings)
        self._told = told
        self._root = repository_root()

    def deploy(self, services: Iterable[str] = (PLATFORM, *SERVICES)) -> None:
        """The platform first, then the others side by side; no stack that would lose a table or a bucket."""
        wanted = list(services)
        self._check_settings(wanted)
        if self._name != STAGE:  # The embedded stage has no catalogue.
            self._settings.setdefault("FANFOLD_LAKE_SINCE", os.environ.get("FANFOLD_LAKE_SINCE") or self._began())
        unprotected = self._name in names.KEPT and self._platform() is None
        # A first deploy that fails takes away what it made, and could not take away a table that is protected.
        self._settings["FANFOLD_PROTECTED"] = "false" if unprotected else "true"
        services = [one for one in wanted if one != PLATFORM]
        with packaging():
            self._side_by_side(self._guard, wanted)
            if PLATFORM in wanted:
                self._deploy(PLATFORM)
            self._side_by_side(self._deploy, services)
            if unprotected and PLATFORM in wanted:
                self._settings["FANFOLD_PROTECTED"] = "true"
                self._deploy(PLATFORM)
        self._side_by_side(self._keep_image, services)

    def _keep_image(self, service: str) -> None:
        """What stages of some days run goes by its age; an embedded AWS has no registry."""
        environ = os.environ | dict(self._settings)
        registry, digest = environ.get("FANFOLD_IMAGES"), environ.get(names.digest(service))
        if registry and digest and not names.EPHEMERAL.fullmatch(self._name):
            pushing.keep(self._call, registry, service, self._name, digest)

    def rollback(self, service: str) -> str:
        """Bring back what a service's stack was one deploy ago; the timestamp of that."""
        done = rollback.deploys(self._call, service, self._name)
        if len(done) < 2:
            raise BadInput(f"{service} was deployed {len(done)} times to {self._name}: there is nothing to go back to")
        before = done[-2]
        if not rollback.at_once(self._call, before):
            with packaging():
                self._tool(service, "rollback", "--timestamp", before.timestamp)
        self._told(f"{service} is what it was at {before.timestamp}")
        return before.timestamp

    def _check_settings(self, stacks: list[str]) -> None:
        environ = os.environ | dict(self._settings)
        missing = names.missing(self._name, [stack for stack in stacks if stack != PLATFORM], environ)
        if missing:
            lines = [f"  {name}: {about}" for name, about in missing.items()]
            raise BadInput("\n".join([f"a deploy to {self._name} needs, as environment variables:", *lines]))

    def _deploy(self, stack: str) -> None:
        answer = self._tool(stack, "deploy")
        self._told(f"{stack}: {'no change' if 'No changes to deploy' in answer else 'deployed'}")

    def _began(self) -> str:
        """The day on which the stage was deployed first: before it the lake has nothing to find."""
        platform = self._platform()
        at = platform["CreationTime"] if platform else datetime.now(UTC)
        return f"{at:%Y-%m-%d}"

    def _platform(self) -> dict[str, Any] | None:
        return described(self._call, f"fanfold-{PLATFORM}-{self._name}")

    def _guard(self, stack: str) -> None:
        """Refuse an update that would put a new table or bucket in the place of one that holds something."""
        deployed = self._deployed(stack)
        if deployed is None or not guard.stores(deployed):
            return
        with TemporaryDirectory() as into:
            self._tool(stack, "package", "--package", into)
            wanted = guard.read(str(Path(into) / "cloudformation-template-update-stack.json"))
        lost = guard.replacements(deployed, wanted)
        if lost:
            raise StageFailed("\n".join([f"{stack} is not deployed, as it would lose what it holds:", *map(str, lost)]))

    def _deployed(self, stack: str) -> Any:
        try:
            found = self._call("cloudformation", "GetTemplate", {"StackName": f"fanfold-{stack}-{self._name}"})
        except AwsFault as fault:
            if "does not exist" not in fault.message:
                raise
            return None
        body = found["TemplateBody"]
        return json.loads(body) if isinstance(body, str) else body

    def _tool(self, stack: str, *command: str) -> str:
        folder = self._root if stack == PLATFORM else self._root / "services" / stack
        tool = self._root / "node_modules" / ".bin" / "serverless"
        quiet = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "NODE_NO_WARNINGS": "1"}
        environ = os.environ | quiet | dict(self._settings)
        done = subprocess.run(  # noqa: S603 - tools that the lock files pin
            [str(tool), *command, "--stage", self._name],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageFailed(f"serverless {' '.join(command)} of {stack}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout + done.stderr

    def _side_by_side(self, act: Callable[[str], object], stacks: list[str]) -> None:
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(act, stacks))


def main(given: list[str]) -> int:
    """`python -m fanfold.stages.deploy deploy dev`, and the like; 0, or 1 with what is wrong on standard error."""
    asked = _parser().parse_args(given)
    try:
        if asked.verb not in {"bootstrap", "sweep"}:
            names.check(asked.stage)
        _obey(asked, own_buckets(connect("boto3", Endpoint.of(os.environ))), datetime.now(UTC).date())
    except (BadInput, StageFailed, AwsFault) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def _obey(asked: argparse.Namespace, call: Call, today: date) -> None:
    match asked.verb:
        case "bootstrap":
            prefix = names.bucket_prefix(asked.stage, os.environ)
            Bootstrap(call).run(asked.stage, prefix, asked.repository)
        case "remove":
            Removal(asked.stage, call, print).run(asked.confirm)
        case "smoke":
            session = StageSession(asked.stage, os.environ)
            Smoke(session, print, lambda: datetime.now(UTC), time.sleep).run()
        case "sweep":
            kinds = (asked.kind,) if asked.kind else names.KINDS
            sweep(call, today, print, remove=not asked.dry_run, kinds=kinds)
        case _:
            _deploy(asked, call, today)


def _deploy(asked: argparse.Namespace, call: Call, today: date) -> None:
    last = asked.remove_after or today + timedelta(days=DAYS)
    settings = {"FANFOLD_REMOVE_AFTER": str(last)} if names.EPHEMERAL.fullmatch(asked.stage) else {}
    stage = Stage(asked.stage, call, settings)
    if asked.verb == "deploy":
        refuse_recordings(Path(os.environ.get("FANFOLD_DESK") or repository_root() / "desk.toml"), os.environ)
        stage.deploy([asked.service] if asked.service else (PLATFORM, *SERVICES))
    elif asked.service:
        stage.rollback(asked.service)
    else:
        raise BadInput("name the service to roll back, as in `make rollback STAGE=dev SERVICE=signal`")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanfold.stages.deploy", description="Deploy a stage, and take it back.")
    parser.add_argument("verb", choices=["bootstrap", "deploy", "smoke", "rollback", "remove", "sweep"])
    parser.add_argument("stage", nargs="?", default="dev")
    parser.add_argument("--service", choices=[PLATFORM, *SERVICES])
    parser.add_argument("--repository", default="", help="owner/name on GitHub, whose delivery may deploy")
    parser.add_argument("--confirm", default="", metavar="STAGE", help="the stage once more, where it keeps its stores")
    parser.add_argument("--remove-after", type=date.fromisoformat, metavar="DAY",
                        help=f"the last day of a stage of some days (in {DAYS} days)")  # fmt: skip
    parser.add_argument("--kind", choices=names.KINDS, help="of the stages of some days those of this kind alone")
    parser.add_argument("--dry-run", action="store_true", help="tell which stages are due, and remove none")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
