"""The calls of every desk that runs in a test, held against the roles once the last of them is over.

What they use must be allowed. That all that is allowed is used is for the one journey alone, which asks for everything:
so neither the order of tests nor a test run alone changes what is found.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def run_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file to which functions of the local stage write their calls."""
    path = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    yield path
    wrong = not_allowed(path) if path.exists() else []
    assert wrong == [], "\n".join(wrong)


@pytest.fixture(scope="module", autouse=True)
def recording_runs(run_calls: Path) -> Iterator[None]:
    """Whatever desk a module starts inherits where to write them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECORD_CALLS", str(run_calls))
        yield


def not_allowed(path: Path) -> list[str]:
    """The recorded needs that roles do not allow; calls of a test's own functions are passed over."""
    from fanfold.aws.client.recording import read_lines
    from fanfold.deployment import STAGE
    from support.packaged_stacks import packaged
    from support.roles import held

    stacks = packaged(STAGE)
    known = {function.name for function in stacks.functions}
    return [wrong for holding in held(stacks, (line for line in read_lines(path) if line.function in known))
            for wrong in holding.missing]  # fmt: skip
