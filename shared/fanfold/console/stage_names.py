"""What stages are called and what they ask for, as serverless.common.yml has it, which the templates are made from."""

import re
from collections.abc import Iterable, Mapping

from fanfold.console.cloud.launcher import SERVICES, STAGE, repository_root
from fanfold.refusals import BadInput

# Stages of some days; the rest have a place of their own in the file.
EPHEMERAL = re.compile(r"(pr|try)-[a-z0-9]{1,12}")
# Where what is kept stays when the stacks go.
KEPT = ("paper", "live")
# What any deploy to an account needs, whatever the stage says.
ACCOUNT = {
    "FANFOLD_BUCKET_PREFIX": "the first part of the buckets' names, which are unique in the world",
    "FANFOLD_IMAGES": "the registry and first part of the images' names, as `make bootstrap` prints it",
}


def check(stage: str) -> None:
    """Raises BadInput for a name that is no stage's."""
    if stage not in known() and not EPHEMERAL.fullmatch(stage):
        there = ", ".join(known())
        raise BadInput(f"there is no stage {stage}; there are {there}, and for some days pr-... and try-...")


def known() -> list[str]:
    """The stages that the file names."""
    return re.findall(r"^  ([a-z]+):", _section("stages"), re.MULTILINE)


def settings(stage: str, services: Iterable[str] = SERVICES) -> dict[str, str]:
    """The environment variables that a deploy of these services to the stage needs, each with what it is."""
    if stage == STAGE:
        return {}
    wanted = dict(ACCOUNT)
    block = re.search(rf"^  {stage}:.*\n((?:    .*\n)+)", _section("stages"), re.MULTILINE)
    for name, about in re.findall(r"^      (FANFOLD_\w+): (.+)$", block[1] if block else "", re.MULTILINE):
        wanted.setdefault(name, about)
    for service in services:
        wanted.setdefault(digest(service), f"the digest of {service}'s image, as `make images` prints it")
    return wanted


def digest(service: str) -> str:
    """The variable with the digest of a service's image."""
    return f"FANFOLD_DIGEST_{service.upper().replace('-', '_')}"


def missing(stage: str, services: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that the environment does not have."""
    return {name: about for name, about in settings(stage, services).items() if not environ.get(name)}


def _section(name: str) -> str:
    text = (repository_root() / "serverless.common.yml").read_text()
    found = re.search(rf"^{name}:\n((?:[ #].*\n|\n)+)", text, re.MULTILINE)
    if found is None:
        raise BadInput(f"serverless.common.yml has no section `{name}`")
    return found[1]
