"""The base of all images: the one that BASE_IMAGE names, or a Debian built here, and its pruned form."""

import os
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold_dev.images import layout
from fanfold_dev.images.layout import ImageTarget

DEBIAN = "bookworm"
DEBIAN_PYTHON = "3.11"
LAMBDA_PYTHON = "3.12"
PACKAGES = "python3.11-minimal,python3.11,python3,ca-certificates"


class Foundation:
    """A base and the platform to build on: ``image`` is of the target's architecture, ``here`` runs on this machine."""

    def __init__(self, image: str, here: str, target: ImageTarget) -> None:
        self.image = image
        self.here = here
        self.target = target

    def arguments(self) -> dict[str, str]:
        return {"BUILD_IMAGE": self.here, "PYTHON": self.target.python}


def find(name: str, architecture: str) -> Foundation:
    """Return the requested base, by digest, or Debian's of the architecture, which is built on first use and kept."""
    if name:
        if "@sha256:" not in name:
            raise BadInput(f"BASE_IMAGE is {name!r}; name it by digest, as in NAME@sha256:...")
        return Foundation(name, name, ImageTarget(architecture, os.environ.get("PYTHON_VERSION", LAMBDA_PYTHON)))
    return Foundation(
        _debian(architecture), _debian(container_tool.machine()), ImageTarget(architecture, DEBIAN_PYTHON)
    )


def prune(base: Foundation, root: Path) -> tuple[str, str]:
    """Return the image that the five are built on, built where it does not exist yet, and its fingerprint."""
    context = root / "build" / "images" / "base"
    layout.lay_out_base(root, context)
    image = f"localhost/{container_tool.PREFIX}-runtime:{base.target.architecture}"
    made_of = layout.fingerprint(context, container_tool.identity(base.image), *base.target)
    container_tool.build_once(
        context, image, made_of, {"BASE_IMAGE": base.image, **base.arguments()}, base.target.architecture
    )
    return image, made_of


def _debian(architecture: str) -> str:
    image = f"localhost/{container_tool.PREFIX}-{DEBIAN}:{architecture}"
    if not container_tool.exists(image):
        _make_debian(image, architecture)
    return image


def _make_debian(image: str, architecture: str) -> None:
    """Build Debian's base; another architecture's packages run their own programs, so the kernel must support them."""
    if not which("debootstrap"):
        raise BadInput("no BASE_IMAGE is named, and there is no `debootstrap` to make one of Debian")
    with TemporaryDirectory() as folder:
        files = Path(folder) / "base"
        container_tool.run(
            ["debootstrap", "--variant=minbase", f"--arch={architecture}", f"--include={PACKAGES}", DEBIAN, str(files)]
        )
        container_tool.load(files, image, architecture)
