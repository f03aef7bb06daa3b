"""The commands that set a chat up and try it: what they print can be pasted, and holds no secret."""

import json
import shlex

import pytest

from fanfold.chat.commands import VERBS
from fanfold.cli.main import main


def printed(capsys, *words: str) -> str:
    assert main(["chat", "setup", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("platform", ["telegram", "slack", "discord"])
def test_each_step_has_the_address_and_ends_with_the_parameter(capsys, platform):
    text = printed(capsys, platform)
    assert f"https://API/chat/{platform}" in text
    assert "aws ssm put-parameter --name /fanfold/STAGE/chat --type SecureString" in text
    document = json.loads(printed(capsys, platform, "--json"))
    assert document["address"] == f"https://API/chat/{platform}"


@pytest.mark.parametrize("platform", ["telegram", "discord"])
def test_the_commands_that_are_registered_are_those_that_there_are(capsys, platform):
    """Read the lines as a shell does: an apostrophe would end one."""
    (line,) = [line for line in printed(capsys, platform).splitlines() if "[{" in line]
    words = shlex.split(line)
    listed = json.loads(words[words.index("-d") + 1])
    listed = listed["commands"] if platform == "telegram" else listed
    assert [entry["command" if platform == "telegram" else "name"] for entry in listed] == list(VERBS)
    # Telegram: 1 to 32 small letters, digits and underscores, a description of up to 256; Discord: up to 100.
    assert all(len(entry["description"]) <= 100 for entry in listed)


def test_slack_gets_a_manifest_with_the_one_command(capsys):
    document = json.loads(printed(capsys, "slack", "--json"))["document"]
    (slash,) = document["features"]["slash_commands"]
    assert (slash["command"], slash["url"]) == ("/fanfold", "https://API/chat/slack")


def test_an_unknown_platform_is_named_with_those_that_there_are(capsys):
    assert main(["chat", "setup", "signal"]) == 2
    assert 'Choose from: "telegram", "slack", "discord"' in capsys.readouterr().err


def test_a_command_is_tried_only_where_there_is_a_run(tmp_path):
    assert main(["chat", "try", "/status", "--state", str(tmp_path)]) == 3
