"""Deploy the six stacks of a stage to an AWS account, and roll one back."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.deployment import SERVICES, STAGE
from fanfold.errors import BadInput
from fanfold.local.deploys import tool_settings
from fanfold.local.launcher import lock_source_tree, repository_root
from fanfold.stages import guard, names, pushing, rollback
from fanfold.stages.removal import PLATFORM, StageFailed, describe

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})")


class Stage:
    """The six stacks of a stage; ``settings`` are environment variables for the Serverless tool."""

    def __init__(
        self, name: str, call: Call, settings: Mapping[str, str], report: Callable[[str], None] = print
    ) -> None:
        self._name = name
        self._call = call
        self._settings = dict(settings)
        self._report = report
        self._root = repository_root()

    def deploy(self, services: Iterable[str] = (PLATFORM, *SERVICES)) -> None:
        """Deploy the platform, then the others side by side. Raises StageFailed where a store would be replaced."""
        wanted = list(services)
        self._check_settings(wanted)
        if self._name != STAGE:  # The embedded stage has no catalogue.
            self._settings.setdefault("FANFOLD_LAKE_SINCE", os.environ.get("FANFOLD_LAKE_SINCE") or self._began())
        unprotected = self._name in names.KEPT and self._platform() is None
        # A first deploy that fails takes away what it made, and could not take away a table that is protected.
        self._settings["FANFOLD_PROTECTED"] = "false" if unprotected else "true"
        services = [stack for stack in wanted if stack != PLATFORM]
        self._side_by_side(self._check_image, services)
        with lock_source_tree():
            self._side_by_side(self._guard, wanted)
            if PLATFORM in wanted:
                self._deploy(PLATFORM)
            self._side_by_side(self._deploy, services)
            if unprotected and PLATFORM in wanted:
                self._settings["FANFOLD_PROTECTED"] = "true"
                self._deploy(PLATFORM)
        self._side_by_side(self._keep_image, services)

    def _keep_image(self, service: str) -> None:
        """Keep a service's image in the registry for a lasting stage; images of ephemeral stages go by their age."""
        registry, digest = self._image(service)
        if registry and digest:
            pushing.tag_for_stage(self._call, registry, service, self._name, digest)

    def _check_image(self, service: str) -> None:
        """Refuse a deploy after which the registry would not keep the image that the stage runs until then."""
        registry, digest = self._image(service)
        if registry and digest:
            runs = set(_DIGEST.findall(json.dumps(self._deployed(service))))
            pushing.refuse_to_lose(self._call, registry, service, self._name, runs, digest)

    def _image(self, service: str) -> tuple[str, str]:
        """Return the registry and the digest of a service's image; "" of a stage whose images are not kept."""
        environ = os.environ | dict(self._settings)
        if names.EPHEMERAL.fullmatch(self._name):
            return "", ""
        return environ.get("FANFOLD_IMAGES", ""), environ.get(names.digest(service), "")

    def rollback(self, service: str) -> str:
        """Bring back what a service's stack was one deploy ago, and return the timestamp of that deploy.

        A deploy that was rolled back from is no deploy ago. Raises StageFailed where a store would be lost.
        """
        done = rollback.deploys(self._call, service, self._name)
        if len(done) < 2:
            raise BadInput(f"{service} was deployed {len(done)} times to {self._name}: there is nothing to go back to")
        *_, before, last = done
        self._refuse_loss(service, self._deployed(service) or {}, rollback.template_of(self._call, before))
        if not rollback.roll_back_at_once(self._call, before):
            with lock_source_tree():
                self._tool(service, "rollback", "--timestamp", before.timestamp)
        rollback.undo(self._call, last)
        self._report(f"{service} is what it was at {before.timestamp}")
        return before.timestamp

    def _check_settings(self, stacks: list[str]) -> None:
        environ = os.environ | dict(self._settings)
        missing = names.missing_settings(self._name, [stack for stack in stacks if stack != PLATFORM], environ)
        if missing:
            lines = [f"  {name}: {about}" for name, about in missing.items()]
            raise BadInput("\n".join([f"a deploy to {self._name} needs, as environment variables:", *lines]))

    def _deploy(self, stack: str) -> None:
        answer = self._tool(stack, "deploy")
        self._report(f"{stack}: {'no change' if 'No changes to deploy' in answer else 'deployed'}")

    def _began(self) -> str:
        """Return the day of the stage's first deploy: before it the lake holds nothing."""
        platform = self._platform()
        at = platform["CreationTime"] if platform else datetime.now(UTC)
        return f"{at:%Y-%m-%d}"

    def _platform(self) -> dict[str, Any] | None:
        return describe(self._call, f"fanfold-{PLATFORM}-{self._name}")

    def _guard(self, stack: str) -> None:
        """Refuse an update that would put a new table or bucket in the place of one that holds something."""
        deployed = self._deployed(stack)
        if deployed is None or not guard.stores(deployed):
            return
        with TemporaryDirectory() as into:
            self._tool(stack, "package", "--package", into)
            wanted = guard.read(str(Path(into) / "cloudformation-template-update-stack.json"))
        self._refuse_loss(stack, deployed, wanted)

    def _refuse_loss(self, stack: str, deployed: guard.Template, wanted: guard.Template) -> None:
        lost = guard.replacements(deployed, wanted)
        if lost:
            raise StageFailed("\n".join([f"{stack} is not deployed, as it would lose what it holds:", *map(str, lost)]))

    def _deployed(self, stack: str) -> Any:
        try:
            template = self._call("cloudformation", "GetTemplate", {"StackName": f"fanfold-{stack}-{self._name}"})
        except AwsFault as fault:
            if "does not exist" not in fault.message:
                raise
            return None
        body = template["TemplateBody"]
        return json.loads(body) if isinstance(body, str) else body

    def _tool(self, stack: str, *command: str) -> str:
        folder = self._root if stack == PLATFORM else self._root / "services" / stack
        tool = self._root / "node_modules" / ".bin" / "serverless"
        environ = os.environ | tool_settings(os.environ) | dict(self._settings)
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
