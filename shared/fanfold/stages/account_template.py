"""The templates of `shared/stacks/account/`, with a part for each service."""

from collections.abc import Iterator, Sequence

from fanfold.deployment import OPTIONAL, SERVICES
from fanfold.local.launcher import repository_root

MARK = "# Each service:"


def account_template(file: str) -> str:
    """Return the text of a template as CloudFormation takes it."""
    # Functions of one image are made side by side, and none may be the one that writes its repository's policy.
    services = (*SERVICES, *OPTIONAL) if file == "bootstrap.yml" else SERVICES
    return expanded((repository_root() / "shared" / "stacks" / "account" / file).read_text(), services)


def expanded(text: str, services: Sequence[str]) -> str:
    """Write the line after each mark once for each service, with the deeper lines that follow it.

    >>> expanded("A:\\n  # Each service:\\n  - fanfold-<service>\\n  - rest\\n", ["risk", "market-data"])
    'A:\\n  - fanfold-risk\\n  - fanfold-market-data\\n  - rest\\n'
    """
    return "".join(_expanded(text.splitlines(keepends=True), services))


def _expanded(lines: Sequence[str], services: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        if lines[at].strip() != MARK:
            yield lines[at]
            at += 1
            continue
        end = at + 2
        while end < len(lines) and _indent(lines[end]) > _indent(lines[at]):
            end += 1
        for service in services:
            logical = service.title().replace("-", "")
            yield "".join(lines[at + 1 : end]).replace("<service>", service).replace("<Service>", logical)
        at = end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
