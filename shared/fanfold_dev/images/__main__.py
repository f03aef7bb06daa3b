"""``python -m fanfold_dev.images [SERVICE ...]``: build images; BASE_IMAGE and ARCH are in the environment."""

import os
import sys
import time
from pathlib import Path

from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.local.launcher import repository_root
from fanfold_dev.images import bases, installing, layout
from fanfold_dev.images.bases import Foundation

WHERE_POSSIBLE = "--where-possible"
COLLECTOR = "collector"


def build(service: str, root: Path, base: Foundation, runtime: tuple[str, str]) -> bool:
    """Build one image on the pruned base, given by name and what it is made of; False if it was there already."""
    context = root / "build" / "images" / service
    layout.lay_out(service, root, context)
    runtime_image, runtime_made_of = runtime
    image = container_tool.image_name(service)
    made_of = layout.fingerprint(context, runtime_made_of)
    if container_tool.made_of(image) == made_of:
        return False
    layout.unpack_libraries(service, root, context / "libraries", base.target)
    arguments = {"RUNTIME_IMAGE": runtime_image, **base.arguments()}
    return container_tool.build_once(context, image, made_of, arguments, base.target.architecture)


def build_collector(root: Path, architecture: str) -> bool:
    """Build the long-running collector's image on market-data's, which must be there."""
    context = root / "build" / "images" / COLLECTOR
    layout.lay_out_collector(root, context)
    below = container_tool.image_name("market-data")
    made_of = layout.fingerprint(context, container_tool.made_of(below))
    return container_tool.build_once(
        context, container_tool.image_name(COLLECTOR), made_of, {"MARKET_DATA_IMAGE": below}, architecture
    )


def build_all(services: list[str], root: Path) -> None:
    """Build images one by one, on the base that BASE_IMAGE names or a local Debian, for ARCH or this machine."""
    began = time.monotonic()
    architecture = container_tool.architecture()
    base = bases.find(os.environ.get("BASE_IMAGE", ""), architecture)
    runtime = bases.prune(base, root)
    print(f"{runtime[0]} of {base.image} in {time.monotonic() - began:.0f} s")
    for service in services:
        began = time.monotonic()
        built = build_collector(root, architecture) if service == COLLECTOR else build(service, root, base, runtime)
        print(
            container_tool.image_name(service),
            f"in {time.monotonic() - began:.0f} s" if built else "is unchanged",
        )


def main(arguments: list[str]) -> int:
    """Build the named images, and return the exit code.

    With --where-possible, missing programs are installed where that can be done; where it can't, the reason is printed
    and the code is 0.
    """
    where_possible = WHERE_POSSIBLE in arguments
    services = [name for name in arguments if name != WHERE_POSSIBLE]
    try:
        if where_possible:
            installing.builder()
        container_tool.tool()
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 0 if where_possible else 2
    try:
        build_all(services or list(SERVICES), repository_root())
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
