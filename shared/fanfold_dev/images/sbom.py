"""``make sbom``: a bill of materials of each built image, CycloneDX 1.6, in build/sbom."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import fanfold
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.local.launcher import repository_root
from fanfold_dev.images import distributions

# What an image says of itself: its distributions, and its base's Debian packages.
LOOK = """
import importlib.metadata, json, os
def described(library):
    head = library.metadata
    fields = {key: head[key] for key in ("License-Expression", "License") if key in head}
    return [head["Name"], library.version, fields, head.get_all("Classifier") or []]
status = "/var/lib/dpkg/status"
print(json.dumps({
    "distributions": [described(library) for library in importlib.metadata.distributions(path=["/opt/python"])],
    "debian": open(status, encoding="utf-8").read() if os.path.exists(status) else "",
}))
"""


def main(services: list[str]) -> int:
    """Write the bills of the named images, or of all, and return the exit code."""
    root = repository_root()
    into = root / "build" / "sbom"
    into.mkdir(parents=True, exist_ok=True)
    try:
        for service in services or SERVICES:
            written = into / f"{service}.json"
            written.write_text(bill(service, root, inspect(service)))
            print(written.relative_to(root))
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


def inspect(service: str) -> dict[str, Any]:
    """Inspect a built image, and return its contents. Raises BadInput where it is not built."""
    container = container_tool.container(service)
    command = container_tool.command_in(container, ["python3", "-c", LOOK], {}, {})
    done = subprocess.run(command, env=container_tool.environment(), capture_output=True, text=True, check=False)  # noqa: S603
    container_tool.remove(container)
    if done.returncode:
        raise BadInput(f"the image of {service} can't be looked into:\n{done.stderr[-1500:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"made_of": container_tool.made_of(container_tool.image_name(service))}


def bill(service: str, root: Path, report: dict[str, Any]) -> str:
    """Return the document for an image's contents. Raises BadInput for a distribution that the lock does not know."""
    made_of = report["made_of"]
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{service} {made_of}"))
    bom.metadata.component = Component(
        name=f"{container_tool.PREFIX}-{service}",
        version=fanfold.__version__,
        type=ComponentType.CONTAINER,
        bom_ref=service,
        properties=[Property(name=container_tool.LABEL, value=made_of)],
    )
    components = [*_python(service, root, report["distributions"]), *_debian(report["debian"])]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(bom.metadata.component, components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _python(service: str, root: Path, entries: list[Any]) -> Iterator[Component]:
    locked = {distribution.name: distribution for distribution in distributions.locked(service, root)}
    for name, version, fields, classifiers in entries:
        shape = re.sub(r"[-_.]+", "-", name).lower()
        if shape not in locked or locked[shape].version != version:
            raise BadInput(f"{name} {version} is in the image of {service}, and not in its lock")
        purl = PackageURL("pypi", name=shape, version=version)
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in locked[shape].hashes]
        yield Component(
            name=shape,
            version=version,
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
            licenses=[LicenseFactory().make_from_string(distributions.licence(name, fields, classifiers))],
            # One of the pinned hashes is its wheel's.
            external_references=[
                ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=hashes)
            ],
        )


def _debian(status: str) -> Iterator[Component]:
    """Return the packages in dpkg's list; their licences are in the base's own documents."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            purl = PackageURL("deb", "debian", fields["Package"], fields["Version"], {"arch": fields["Architecture"]})
            yield Component(
                name=fields["Package"],
                version=fields["Version"],
                type=ComponentType.LIBRARY,
                purl=purl,
                bom_ref=str(purl),
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
