"""Queues and dead letters of the optional stack alerts are shown with the desk's, once it is deployed."""

import pytest

from fanfold.aws.function.watched import WatchedStage
from fanfold.cli.commands.status import document_of
from fanfold.cli.dead_letters import receive, services_of
from fanfold.deployment import SERVICES, SERVICES_WITH_QUEUES, dead_letters_names, queue_name
from fanfold.errors import NothingThere
from fanfold.simulation.cloud import MemoryCloud
from fanfold.stages.session import StageSession

STAGE = "dev"
LETTER = "an alert that nobody was sent"


class Stage(StageSession):
    def __init__(self, cloud: MemoryCloud) -> None:
        self.stage, self.call, self.running = STAGE, cloud.call, True


def stage_of(*services: str) -> Stage:
    cloud = MemoryCloud()
    for service in services:
        for name in (queue_name(service, STAGE), *dead_letters_names(service, STAGE)):
            attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            cloud.call("sqs", "CreateQueue", {"QueueName": name, "Attributes": attributes})
    return Stage(cloud)


def put_aside(stage: Stage) -> None:
    url = stage.queue_url(dead_letters_names("alerts", STAGE)[0])
    reason = {"reason": {"DataType": "String", "StringValue": "no channel answered"}}
    stage.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": LETTER, "MessageAttributes": reason})


def watched(stage: Stage) -> WatchedStage:
    queues_at = stage.queue_url(queue_name("risk", STAGE)).rpartition("/")[0]
    return WatchedStage(stage.call, stage.faults, stage.faults, STAGE, queues_at)


def test_dead_letters_of_alerts_are_listed_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = stage_of(*SERVICES_WITH_QUEUES)
    put_aside(stage)
    monkeypatch.setattr("fanfold.cli.commands.status.parity_reports.newest", lambda _session: None)
    letters = [(letter.service, letter.body) for name in services_of(stage, None) for letter in receive(stage, name)]
    assert letters == [("alerts", LETTER)]
    assert {each.service: each.dead_letters for each in watched(stage).depths() if each.dead_letters} == {"alerts": 1}
    queues = document_of(stage, {})["queues"]
    assert {each["service"]: each["dead_letters"] for each in queues if each["dead_letters"]} == {"alerts": 1}


def test_letters_of_alerts_are_among_those_of_the_system() -> None:
    stage = stage_of(*SERVICES_WITH_QUEUES)
    put_aside(stage)
    assert [(each.service, each.reason) for each in watched(stage).dead_letters()] == [
        ("alerts", "no channel answered")
    ]


def test_a_stage_without_alerts_has_the_queues_of_the_desk() -> None:
    stage = stage_of(*SERVICES)
    assert services_of(stage, None) == SERVICES
    assert [each.service for each in watched(stage).depths()] == list(SERVICES)
    assert watched(stage).dead_letters() == []
    with pytest.raises(NothingThere, match="the stage dev has no alerts"):
        services_of(stage, "alerts")
