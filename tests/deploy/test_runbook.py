"""Every alarm has its section in the runbook, and the guides name commands that are there."""

import re
from pathlib import Path

import guide_commands
import pytest

from fanfold.deployment import RESEARCH
from fanfold_dev.stacks import Template
from support.packaged_stages import STAGES, template
from support.packaged_stages import templates as packaged_desk
from support.research_stage import RESEARCH_IMAGE

ROOT = Path(__file__).resolve().parents[2]
GUIDES = tuple(f"docs/{name}.md" for name in ("aws-options", "deploy", "live", "morning-check", "runbook"))
TOLD = "docs/runbook.md#"
# What a budget and the state machines tell the alarms' topic.
NO_ALARMS = {"budget", "the-day-is-not-closed", "a-back-fill-is-not-complete", "orders-are-left-to-the-sweep",
             "an-execution-ended-early"}  # fmt: skip


def templates(named: str) -> dict[str, Template]:
    """The stacks of a stage, that of research too."""
    stage, environment = STAGES[named]
    return packaged_desk(named) | {RESEARCH: template(RESEARCH, stage, environment | RESEARCH_IMAGE)}


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def descriptions() -> dict[str, str]:
    """Return the description of every alarm of every stage, by its name."""
    resources = [
        item for named in STAGES for stack in templates(named).values() for item in stack["Resources"].values()
    ]
    properties = [item["Properties"] for item in resources if item["Type"] == "AWS::CloudWatch::Alarm"]
    return {alarm["AlarmName"]: alarm["AlarmDescription"] for alarm in properties}


def rows() -> list[tuple[str, str]]:
    """Return the alarms of the runbook's table, SERVICE and FUNCTION as any name, each with its section."""
    named = re.findall(r"^\| \[`([\w-]+)`\]\(#([a-z-]+)\)", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    return [(re.sub(r"SERVICE|FUNCTION", r"[a-z_-]+", alarm), section) for alarm, section in named]


def verbs(text: str) -> set[str]:
    return set(re.findall(r"(?:^|`|\()make (?:--silent )?([a-z-]+)", text, re.MULTILINE))


def test_every_alarm_names_an_existing_section() -> None:
    sections = anchors((ROOT / "docs/runbook.md").read_text())
    described = descriptions()
    assert described
    lost = {name for name, text in described.items() if text.partition(TOLD)[2] not in sections}
    assert lost == set()


def test_every_alarm_is_in_the_table_at_the_head_of_the_runbook() -> None:
    listed = rows()
    lost = {
        name
        for name, text in descriptions().items()
        if not any(
            re.fullmatch(rf"fanfold-[a-z0-9-]+?-{alarm}", name) and section == text.partition(TOLD)[2]
            for alarm, section in listed
        )
    }
    assert lost == set()


def test_the_table_has_every_section_of_the_runbook() -> None:
    text = (ROOT / "docs/runbook.md").read_text()
    linked = re.findall(r"^\| \[[^\]]+\]\(#([a-z-]+)\)", text, re.MULTILINE)
    assert set(linked) == anchors(text)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_make_verb_in_a_guide_is_in_the_makefile(guide: str) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert verbs((ROOT / guide).read_text()) - known == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_fanfold_command_in_a_guide_exists(guide: str) -> None:
    named = set(re.findall(r"`fanfold ([a-z-]+)", (ROOT / guide).read_text()))
    commands = (ROOT / "docs" / "commands.md").read_text()
    assert {name for name in named if f"## fanfold {name}" not in commands} == set()


@pytest.mark.parametrize("named", STAGES)
def test_every_alarm_that_a_stage_deploys_has_its_section(named: str) -> None:
    sections = anchors((ROOT / "docs/runbook.md").read_text())
    alarms = [resource["Properties"] for template in templates(named).values()
              for resource in template["Resources"].values()
              if resource["Type"] == "AWS::CloudWatch::Alarm"]  # fmt: skip
    assert bool(alarms) is (named != "local")
    assert [
        alarm["AlarmName"] for alarm in alarms if alarm["AlarmDescription"].partition(TOLD)[2] not in sections
    ] == []


def test_every_section_is_about_an_alarm_or_a_direct_notification() -> None:
    alarms = (resource["Properties"] for named in STAGES for template in templates(named).values()
             for resource in template["Resources"].values()
             if resource["Type"] == "AWS::CloudWatch::Alarm")  # fmt: skip
    rung = {alarm["AlarmDescription"].partition(TOLD)[2] for alarm in alarms}
    assert anchors((ROOT / "docs/runbook.md").read_text()) - rung == NO_ALARMS


def test_every_section_has_a_meaning_and_a_drill() -> None:
    sections = (ROOT / "docs/runbook.md").read_text().split("\n## ")[1:]
    wanted = ("**Means**", "**Do**", "**Drill**")
    assert [section.splitlines()[0] for section in sections if not all(word in section for word in wanted)] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_in_a_guide_parses(guide: str) -> None:
    commands = guide_commands.commands((ROOT / guide).read_text())
    assert commands
    assert {command: reason for command in commands if (reason := guide_commands.wrong(command))} == {}


@pytest.mark.parametrize("command", [
    "make deploi STAGE=dev", "aws lambda invok --function-name x", "aws lambda invoke --function x",
    "aws lamda invoke", "aws cloudformation wait stack-made", ".venv/bin/fanfold doctor --stages dev",
    "npx serverless deploy --stage",
])  # fmt: skip
def test_a_command_that_does_not_parse_fails(command: str) -> None:
    assert guide_commands.wrong(command)


def test_a_missing_section_and_a_missing_verb_are_reported() -> None:
    assert anchors("## Bars missing\n") == {"bars-missing"}
    assert verbs("Run `make deploi STAGE=dev`.") == {"deploi"}
