"""Licences of what the images hold: each known, none that asks for more than a notice, exceptions named."""

import pytest

from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local.launcher import repository_root
from fanfold_dev.documents.licences import ALLOWED, EXCEPTIONS, violations
from fanfold_dev.images import distributions
from fanfold_dev.images.distributions import licence, pinned


def held() -> list[tuple[str, str]]:
    """Every distribution of every image, and its licence."""
    names = {library.name for service in SERVICES for library in distributions.locked(service, repository_root())}
    return [(name, distributions.installed_licence(name)) for name in sorted(names)]


def test_every_licence_is_allowed() -> None:
    assert violations(held()) == []


def test_every_listed_exception_is_still_needed() -> None:
    licences = dict(held())
    needed = {
        name for name, (named, _) in EXCEPTIONS.items() if named in licences.get(name, "") and named not in ALLOWED
    }
    assert needed == set(EXCEPTIONS)


@pytest.mark.parametrize("text", ["GPL-3.0-only", "MIT AND LGPL-3.0-or-later", "MPL-2.0", "GPL-2.0 OR MPL-2.0"])
def test_a_licence_that_is_not_listed_is_refused(text: str) -> None:
    assert violations([("new", text)]) == [f"new is under {text}"]


@pytest.mark.parametrize("text", ["MIT", "GPL-2.0-only OR MIT", "Apache-2.0 AND (MIT OR GPL-3.0-only)"])
def test_a_choice_of_licences_takes_an_allowed_one(text: str) -> None:
    assert violations([("new", text)]) == []


def test_names_from_before_spdx_are_read() -> None:
    assert licence("x", {"License": "Apache License 2.0"}, []) == "Apache-2.0"
    assert licence("x", {}, ["License :: OSI Approved :: MIT License"]) == "MIT"
    with pytest.raises(BadInput, match="names no licence"):
        licence("x", {"License": "see the file"}, [])


def test_only_pinned_requirements_for_linux_are_read() -> None:
    other = 'b==2 ; sys_platform == "win32" \\\n    --hash=sha256:02\n'
    text = f"a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n{other}"
    assert list(pinned(text)) == [distributions.Distribution("a", "1", ("00", "01"))]
    with pytest.raises(BadInput, match="not pinned"):
        list(pinned("a>=1\n"))
