"""The locks hold for Lambda's own base too: Python 3.12, both architectures, no file of another machine."""

import os
import struct
from pathlib import Path

import pytest

from fanfold.deployment import SERVICES
from fanfold_dev.images import layout
from fanfold_dev.images.layout import ImageTarget
from support.running import ASKED, ROOT

# e_machine in an ELF header.
MACHINE = {"amd64": 62, "arm64": 183}
# Of services with the same libraries, one.
DIFFERENT = ("signal", "execution", "audit")


def machines(folder: Path) -> dict[str, int]:
    """The machine that every ELF file under a folder is for, whatever its name."""
    machine_of = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(20)
            if head[:4] == b"\x7fELF":
                machine_of[str(path.relative_to(folder))] = struct.unpack_from("<H", head, 18)[0]
    return machine_of


@pytest.mark.skipif(ASKED not in os.environ, reason="wheels are fetched by `make test-images`")
@pytest.mark.parametrize("architecture", MACHINE)
@pytest.mark.parametrize("service", DIFFERENT)
def test_every_library_is_for_its_architecture(service: str, architecture: str, tmp_path: Path) -> None:
    layout.unpack_libraries(service, ROOT, tmp_path, ImageTarget(architecture, "3.12"))
    machine_of = machines(tmp_path)
    assert any(name.startswith("msgspec/") for name in machine_of)
    assert {name for name, machine in machine_of.items() if machine != MACHINE[architecture]} == set()


def test_services_that_are_left_out_have_the_same_libraries() -> None:
    locks = {layout.requirements(service, ROOT).read_bytes() for service in SERVICES}
    assert locks == {layout.requirements(service, ROOT).read_bytes() for service in DIFFERENT}


def test_a_library_of_another_architecture_fails(tmp_path: Path) -> None:
    (tmp_path / "a.so.1").write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", MACHINE["amd64"]))
    (tmp_path / "text").write_text("text")
    assert machines(tmp_path) == {"a.so.1": MACHINE["amd64"]}
