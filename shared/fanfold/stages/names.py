"""The names of stages and the settings that they need, read from the templates: shared/stacks/params.yml."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from fanfold.deployment import SERVICES, STAGE
from fanfold.errors import BadInput
from fanfold.local.launcher import repository_root

# Kinds of ephemeral stages; the others stand in the file by name.
KINDS = ("pr", "try")
EPHEMERAL = re.compile(rf"({'|'.join(KINDS)})-[a-z0-9]{{1,12}}")
# S3's rules for names, without the dot, which certificates do not cover.
BUCKET_LETTERS = 63
BUCKET_PREFIX = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]+")
# The stage whose artefacts and images ephemeral stages use.
SHARED = "dev"
# Stages whose tables and buckets stay when the stacks go.
KEPT = ("paper", "live")
# What any deploy to an account needs, whatever the stage says.
ACCOUNT = {
    "FANFOLD_BUCKET_PREFIX": "the first part of the buckets' names, which are unique in the world",
    "FANFOLD_IMAGES": "the registry and first part of the images' names, as `make bootstrap` prints it",
}


def check(stage: str) -> None:
    """Raise BadInput for a name that is no stage's."""
    if stage not in stage_names() and not EPHEMERAL.fullmatch(stage):
        there = ", ".join(stage_names())
        raise BadInput(f"there is no stage {stage}; there are {there}, and temporary ones, pr-... and try-...")


class StageResources(NamedTuple):
    """The resources of one stage in an account, or of all ephemeral stages of a kind.

    ``names`` is the pattern of their names in a policy: dev, pr-*.
    """

    stage: str
    names: str
    buckets: str
    deployment_bucket: str

    @property
    def lasting(self) -> bool:
        return self.stage == self.names

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the templates in `shared/stacks/account/`."""
        return {"Stage": self.stage, "Stages": self.names, "Buckets": self.buckets,
                "DeploymentBucket": self.deployment_bucket}  # fmt: skip


def resources_of(stage: str, prefix: str) -> StageResources:
    """Return the resources of a stage, or of its kind for ``pr-12`` and ``pr``. Raises BadInput for an invalid name.

    >>> resources_of("try-7", "acme-dev")
    StageResources(stage='try', names='try-*', buckets='acme-dev-try-*', deployment_bucket='acme-dev-deployment')
    """
    kind = stage.partition("-")[0]
    if kind in KINDS and (kind == stage or EPHEMERAL.fullmatch(stage)):
        return StageResources(kind, f"{kind}-*", f"{prefix}-{kind}-*", f"{prefix}-deployment")
    check(stage)
    return StageResources(stage, stage, prefix, f"{prefix}-deployment")


def bucket_prefix(stage: str, environ: Mapping[str, str]) -> str:
    """Return the start of the names of a stage's buckets; ephemeral stages have dev's.

    Raises BadInput for a start of which S3 takes no name: CloudFormation would say so when half of a stack is there.

    >>> bucket_prefix("dev", {"FANFOLD_BUCKET_PREFIX": "acme-fanfold-dev"})
    'acme-fanfold-dev'
    """
    lasting = stage in stage_names()
    prefix = environ.get("FANFOLD_BUCKET_PREFIX") or f"fanfold-{stage if lasting else SHARED}"
    longest = BUCKET_LETTERS - len("-deployment" if lasting else "-try-123456789012-audit")
    if not BUCKET_PREFIX.fullmatch(prefix) or len(prefix) > longest:
        raise BadInput(
            f"FANFOLD_BUCKET_PREFIX is {prefix!r}; buckets' names are of a-z, 0-9 and -, and begin with neither - nor "
            f"a start that AWS keeps for itself; here it may have {longest} characters: acme-fanfold-dev"
        )
    return prefix


def stage_names() -> list[str]:
    """Return the stages that the file names."""
    return [name for name in _stages() if name not in {"default", "ephemeral"}]


def settings(stage: str, services: Iterable[str] = SERVICES) -> dict[str, str]:
    """Return the environment variables that a deploy of services to the stage needs, each with what it is."""
    if stage == STAGE:
        return {}
    wanted = dict(ACCOUNT)
    for name, about in _stages().get(stage, {}).get("required", {}).items():
        wanted.setdefault(name, about)
    for service in services:
        wanted.setdefault(digest(service), f"the digest of {service}'s image, as `make images` prints it")
    return wanted


def digest(service: str) -> str:
    """Return the name of the variable with the digest of a service's image."""
    return f"FANFOLD_DIGEST_{service.upper().replace('-', '_')}"


def missing_settings(stage: str, services: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the environment lacks."""
    return {name: about for name, about in settings(stage, services).items() if not environ.get(name)}


@cache
def _stages() -> dict[str, dict[str, Any]]:
    """Return the parameters of each stage, whose variables are the Serverless tool's to resolve."""
    stages: dict[str, dict[str, Any]] = yaml.safe_load((repository_root() / "shared/stacks/params.yml").read_text())
    return stages
