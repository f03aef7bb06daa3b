"""A desk that traded, for the commands that ask about one; desks write down what their functions ask AWS for."""

import shutil
from collections.abc import Iterator

import pytest

from support.command_results import Fanfold, say
from support.desk_fixture import LocalDesk, skip_without_node, traded
from support.run_calls import recording_runs
from support.shared_work import once

__all__ = ["recording_runs"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDesk]:
    """A desk that traded and is up: a module's own copy of the one that trades once for all of them.

    That is made here, and not by a fixture of the session, so that its calls are written down.
    """
    skip_without_node()
    state = once(tmp_path_factory, "traded", lambda folder: traded(folder / "state").rest())
    desk = LocalDesk(shutil.copytree(state, tmp_path_factory.mktemp("desk") / "state"))
    desk.start()
    yield desk
    desk.rest()


@pytest.fixture
def fanfold(local: LocalDesk, capsys: pytest.CaptureFixture[str]) -> Fanfold:
    """Runs a command on the desk."""
    return lambda *words: say(capsys, local.state, *words)
