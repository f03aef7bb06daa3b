"""`fanfold alerts test` on a laptop: addresses of a file that others cannot read, and answers that do not show them."""

import json
from pathlib import Path

import pytest

from fanfold.cli.main import main
from support.channel_stand_in import web_platform

SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "alerts.json"
    monkeypatch.setenv("FANFOLD_ALERT_ADDRESSES", str(path))
    return path


def write(path: Path, document: object, mode: int = 0o600) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def test_a_test_reaches_each_channel_or_the_one_that_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed: run `make install`")
    with web_platform() as platform:
        places = {name: f"json://127.0.0.1:{platform.port}/{name}-{SECRET}" for name in ("mail", "phone")}
        write(file, places)
        assert main(["alerts", "test"]) == 0
        assert main(["alerts", "test", "phone", "--json"]) == 0
    assert [arrived.path.partition("-")[0] for arrived in platform.arrived] == ["/mail", "/phone", "/phone"]
    output = capsys.readouterr()
    assert '"took":true' in output.out.replace(" ", "")
    assert SECRET not in output.out + output.err


def test_a_channel_that_refuses_is_a_failure_that_does_not_show_its_address(file, capsys) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed: run `make install`")
    with web_platform() as platform:
        platform.statuses[:] = [403]
        write(file, {"phone": f"json://127.0.0.1:{platform.port}/{SECRET}"})
        assert main(["alerts", "test"]) == 1
    output = capsys.readouterr()
    assert "phone: the channel phone refused: " in output.out
    assert SECRET not in output.out + output.err


@pytest.mark.parametrize(
    ("document", "mode", "reason"),
    [
        ({"phone": f"json://host/{SECRET}"}, 0o644, "chmod 600"),
        (f'{{"phone": "{SECRET}"', 0o600, "no JSON object of addresses"),
        ({"phone": [SECRET]}, 0o600, "no JSON object of addresses"),
        ({}, 0o600, "names no channel"),
    ],
)
def test_a_file_that_others_read_or_that_is_no_addresses_is_wrong_input(file, capsys, document, mode, reason) -> None:
    write(file, document, mode)
    assert main(["alerts", "test"]) == 2
    output = capsys.readouterr()
    assert reason in output.err
    assert SECRET not in output.out + output.err


@pytest.mark.usefixtures("file")
def test_a_file_that_is_not_there_and_a_channel_without_test_say_what_to_write(capsys) -> None:
    assert main(["alerts", "test"]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["alerts", "list", "phone"]) == 2
    assert "fanfold alerts test phone" in capsys.readouterr().err
