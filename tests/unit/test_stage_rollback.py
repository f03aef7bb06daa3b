"""The way back is at once, and no alarm of what is left stands in it."""

import json
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput
from fanfold.stages.deploy import Stage
from fanfold.stages.removal import StageFailed
from fanfold.stages.rollback import AT_ONCE, Deploy, deploys, roll_back_at_once, without_canaries

FOLDER = "serverless/fanfold-risk/live/1772323200000-2026-03-01T00:00:00.000Z/"
BEFORE = Deploy("fanfold-risk-live", "artefacts", FOLDER)
CANARY = {"DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes", "ApplicationName": "risk",
          "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": "risk-canary"}]}}  # fmt: skip
TEMPLATE = {"Resources": {"AssessCanary": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": CANARY},
                          "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "risk"}}}}  # fmt: skip
TAGS = [{"Key": "stage", "Value": "live"}]


class Account:
    """A stack, and a bucket with what was deployed."""

    def __init__(self, template: Any, ends: str = "UPDATE_COMPLETE") -> None:
        self.objects = {f"{FOLDER}compiled-cloudformation-template.json": json.dumps(template).encode()}
        self.updates: list[dict[str, Any]] = []
        self._ends = ends

    def __call__(self, _service: str, operation: str, parameters: Any) -> dict[str, Any]:
        match operation:
            case "GetObject":
                return {"Body": self.objects[parameters["Key"]]}
            case "PutObject":
                self.objects[parameters["Key"]] = parameters["Body"]
            case "UpdateStack":
                self.updates.append(parameters)
            case "ListObjectsV2":
                return {"Contents": [{"Key": key} for key in self.objects if key.startswith(parameters["Prefix"])]}
            case "GetTemplate":
                return {"TemplateBody": self.objects[max(self.objects)].decode()}
            case "DescribeStacks" if parameters["StackName"] != BEFORE.stack:
                raise AwsFault("ValidationError", "it does not exist", 400)
        outputs = [{"OutputKey": "ServerlessDeploymentBucketName", "OutputValue": "artefacts"}]
        return {"Stacks": [{"StackName": BEFORE.stack, "StackStatus": self._ends, "Outputs": outputs, "Tags": TAGS}]}


def test_a_rollback_skips_the_canary_even_during_an_alarm() -> None:
    account = Account(TEMPLATE)
    assert roll_back_at_once(account, BEFORE, 0)
    (update,) = account.updates
    assert update["Tags"] == TAGS
    sent = json.loads(account.objects[update["TemplateURL"].removeprefix("https://artefacts.s3.amazonaws.com/")])
    assert sent["Resources"]["AssessCanary"]["Properties"] == {"ApplicationName": "risk", **AT_ONCE}
    assert sent["Resources"]["Queue"] == TEMPLATE["Resources"]["Queue"]
    assert TEMPLATE["Resources"]["AssessCanary"]["Properties"] == CANARY


def test_a_stack_without_canaries_is_rolled_back_by_the_deploy_tool() -> None:
    account = Account({"Resources": {"Queue": TEMPLATE["Resources"]["Queue"]}})
    assert not roll_back_at_once(account, BEFORE, 0)
    assert account.updates == []


def test_a_failed_rollback_is_reported() -> None:
    with pytest.raises(StageFailed, match="fanfold-risk-live is UPDATE_ROLLBACK_COMPLETE"):
        roll_back_at_once(Account(TEMPLATE, ends="UPDATE_ROLLBACK_COMPLETE"), BEFORE, 0)


def deployed(template: Any, *at: str) -> Account:
    """A stack that was deployed at times, too, which stand in for the first digits of the folder's."""
    account = Account(template)
    for each in at:
        key = f"{FOLDER.replace('17723', each)}compiled-cloudformation-template.json"
        account.objects[key] = json.dumps(template).encode()
    return account


def test_deploys_are_in_the_order_in_which_they_were_made() -> None:
    timestamps = [deploy.timestamp for deploy in deploys(deployed(TEMPLATE, "17725"), "risk", "live")]
    assert timestamps == ["1772323200000", "1772523200000"]
    with pytest.raises(BadInput, match="signal is not deployed to live"):
        deploys(Account(TEMPLATE), "signal", "live")


def test_no_rollback_goes_to_what_was_rolled_back_from() -> None:
    account = deployed(TEMPLATE, "17724")
    stage = Stage("live", account, {}, lambda _line: None)
    assert stage.rollback("risk") == "1772323200000"
    account.objects[f"{FOLDER.replace('17723', '17725')}compiled-cloudformation-template.json"] = b"{}"
    assert stage.rollback("risk") == "1772323200000"
    with pytest.raises(BadInput, match="deployed 1 times to live"):
        stage.rollback("risk")


def test_a_rollback_that_would_lose_a_store_is_refused() -> None:
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Delete", "Properties": {}}
    account = deployed(TEMPLATE, "17724")
    account.objects[max(account.objects)] = json.dumps({"Resources": {"NewTable": table}}).encode()
    with pytest.raises(StageFailed, match="does not have it: it would be deleted with all that it holds"):
        Stage("live", account, {}, lambda _line: None).rollback("risk")
    assert account.updates == []


def test_a_template_is_not_changed_where_there_is_no_canary() -> None:
    assert without_canaries({"Resources": {}}) == {"Resources": {}}
