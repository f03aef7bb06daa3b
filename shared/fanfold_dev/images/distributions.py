"""The Python distributions of an image, as its lock pins them, and the licences that they name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fanfold.errors import BadInput
from fanfold_dev.images import layout

LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
}
# Names that distributions gave their licences before they had SPDX's.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


class Distribution(NamedTuple):
    """A pinned distribution; its wheel has one of the SHA-256 hashes."""

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(service: str, root: Path) -> list[Distribution]:
    """Return the distributions in the image of a service, by its lock and without those that are removed again."""
    text = layout.requirements(service, root).read_text()
    dropped = set(layout.contents(root)["distributions_dropped"].get(service, []))
    return [distribution for distribution in pinned(text) if distribution.name not in dropped]


def pinned(requirements: str) -> Iterator[Distribution]:
    """Return the requirements of a lock with hashes that apply to Linux. Raises BadInput for one that is not pinned."""
    for entry in re.split(r"\n(?=\S)", requirements.strip()):
        wanted, *hashes = (part.strip() for part in entry.split("--hash=sha256:"))
        requirement = Requirement(wanted.rstrip("\\ \n"))
        if requirement.marker and not requirement.marker.evaluate(dict(LINUX)):
            continue
        version = str(requirement.specifier).removeprefix("==")
        if not hashes or str(requirement.specifier) != f"=={version}":
            raise BadInput(f"{requirement.name} is not pinned with hashes: run `make lock`")
        yield Distribution(
            canonicalize_name(requirement.name), version, tuple(digest.rstrip("\\ \n") for digest in hashes)
        )


@cache
def installed_licence(name: str) -> str:
    """Return the licence of a distribution that is installed here, as an SPDX expression."""
    try:
        headers = metadata.metadata(name)
    except metadata.PackageNotFoundError as missing:
        raise BadInput(f"{name} is not installed, so its licence can't be read: run `make install`") from missing
    return licence(
        name,
        {key: headers[key] for key in ("License-Expression", "License") if key in headers},
        headers.get_all("Classifier") or [],
    )


def licence(name: str, fields: Mapping[str, str], classifiers: Sequence[str]) -> str:
    """Return the SPDX expression in a distribution's metadata. Raises BadInput where there is none that is known."""
    if fields.get("License-Expression"):
        return fields["License-Expression"]
    named = fields.get("License", "").strip()
    if named in {*SPDX, *SPDX.values()} or re.fullmatch(r"[\w.-]+( OR [\w.-]+)+", named):
        return SPDX.get(named, named)
    listed = [
        classifier.rpartition(" :: ")[2]
        for classifier in classifiers
        if classifier.startswith("License :: OSI Approved :: ")
    ]
    if not listed or not set(listed) <= set(SPDX):
        raise BadInput(f"{name} names no licence that is known: {named[:40] or listed}; see SPDX in {__name__}")
    return " AND ".join(sorted(SPDX[classifier] for classifier in listed))
