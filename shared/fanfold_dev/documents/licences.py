"""Generate docs/licences.md from the images' locks and the metadata of what is installed."""

from collections.abc import Iterable, Iterator

from fanfold.deployment import SERVICES
from fanfold.local.launcher import repository_root
from fanfold_dev.images import distributions

ALLOWED = frozenset({"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0", "AFL-2.1"})
# Distributions with a licence that is not in the list above, and why they are taken all the same.
EXCEPTIONS = {
    "certifi": ("MPL-2.0", "the list of certificate authorities, file by file under its licence, and not changed"),
    "orjson": ("MPL-2.0", "ccxt asks for it; its MPL files are shipped as they are"),
}


def licences_markdown() -> str:
    """Return the whole page."""
    root = repository_root()
    images: dict[str, list[str]] = {}
    for service in SERVICES:
        for distribution in distributions.locked(service, root):
            images.setdefault(distribution.name, []).append(service)
    rows = [
        f"| {name} | {distributions.installed_licence(name)} | {', '.join(held)} |"
        for name, held in sorted(images.items())
    ]
    return "\n".join([*_HEAD, *rows, *_exceptions(), ""])


def violations(named: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence on each distribution whose licence is not allowed."""
    return [f"{name} is under {licence}" for name, licence in named if not allowed(name, licence)]


def allowed(name: str, licence: str) -> bool:
    """Return whether an SPDX expression is acceptable: all of an AND, one of an OR."""
    text = licence.replace("(", " ").replace(")", " ")
    own = {EXCEPTIONS[name][0]} if name in EXCEPTIONS else set()
    return all(any(word.strip() in ALLOWED | own for word in part.split(" OR ")) for part in text.split(" AND "))


def _exceptions() -> Iterator[str]:
    yield from ("", "## Exceptions", "")
    yield from (f"- {name}, {licence}: {reason}." for name, (licence, reason) in EXCEPTIONS.items())


_HEAD = (
    "# Licences",
    "",
    "Written by `make documents` from `docker/requirements-*.txt`. Fanfold is under the MIT licence; this is what its",
    "images hold besides. The base's own packages are not here: Debian and Amazon Linux name theirs. `make sbom` tells",
    "what is in a built image, with versions and hashes, and the base's Debian packages too, as CycloneDX. A test",
    "refuses a licence that `fanfold_dev.documents.licences` does not list.",
    "",
    "| Distribution | Licence | Images |",
    "| --- | --- | --- |",
)
