"""``python -m fanfold.console.images [SERVICE ...]``: build images; BASE_IMAGE and ARCH are in the environment."""

import os
import platform
import sys
import time
from pathlib import Path

from fanfold.console.cloud.launcher import repository_root
from fanfold.console.images import layout, tool
from fanfold.refusals import BadInput

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def build(service: str, root: Path, base: str, python: str, architecture: str) -> str:
    """Build one image, and say under which name."""
    context = root / "build" / "images" / service
    layout.lay_out(service, root, context)
    layout.fetch_wheels(service, root, context, architecture, python)
    image = tool.image_name(service)
    arguments = {"BASE_IMAGE": base, "PYTHON": python, "MACHINE": layout.MACHINES[architecture]}
    if tool.tool() == "buildah":
        # Docker's builder knows it by itself.
        arguments["BUILDPLATFORM"] = f"linux/{ARCHITECTURES[platform.machine()]}"
    tool.build(context, image, arguments, f"linux/{architecture}")
    return image


def build_all(services: list[str], root: Path) -> None:
    """Build images one by one, on the base that BASE_IMAGE names or a local Debian, for ARCH or this machine."""
    base, python = tool.base_image(os.environ.get("BASE_IMAGE", ""))
    architecture = os.environ.get("ARCH") or ARCHITECTURES[platform.machine()]
    for service in services:
        began = time.monotonic()
        image = build(service, root, base, python, architecture)
        print(f"{image} for {architecture} in {time.monotonic() - began:.0f} s")


def main(services: list[str]) -> int:
    """Build the named images; the exit code. With --where-possible first, nothing is built where no builder is."""
    where_possible = services[:1] == ["--where-possible"]
    try:
        tool.tool()
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        # Tests skip where no image can be built.
        return 0 if where_possible else 2
    services = services[where_possible:]
    try:
        build_all(services or list(layout.SERVICES), repository_root())
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
