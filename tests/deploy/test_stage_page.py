"""The page's upload to a stage: every file, the settings of the stage, and clear words where something is missing."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.cli.argument_types import Options
from fanfold.cli.commands.stage import page
from fanfold.errors import BadInput, NothingThere

OUTPUTS = {"PageBucket": "fanfold-dev-page", "PageUrl": "https://d1.cloudfront.net/"}


class Account:
    """An account with the stack of the page, or without."""

    def __init__(self, *, deployed: bool = True) -> None:
        self.deployed = deployed
        self.put: dict[str, dict[str, Any]] = {}

    def __call__(self, _service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "PutObject":
            self.put[parameters["Key"]] = dict(parameters)
            return {}
        if not self.deployed:
            raise AwsFault("ValidationError", f"Stack {parameters['StackName']} does not exist", 400)
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("FANFOLD_JWT_ISSUER", "https://login.example.com/pool")
    monkeypatch.setenv("FANFOLD_JWT_AUDIENCE", "desk")

    def run(account: Account) -> Any:
        monkeypatch.setattr(page, "account", lambda: account)
        return page.command("dev", options=Options(state=tmp_path, json=True, command="stage page"))

    return run


def test_every_file_is_uploaded_with_its_kind(upload):
    account = Account()
    answer = upload(account)
    assert answer.document == {"stage": "dev", "page": "https://d1.cloudfront.net/"}
    kinds = {key: parameters["ContentType"].partition(";")[0] for key, parameters in account.put.items()}
    assert kinds == {"index.html": "text/html", "desk.js": "text/javascript", "desk.css": "text/css",
                     "config.json": "application/json"}  # fmt: skip
    assert {parameters["Bucket"] for parameters in account.put.values()} == {"fanfold-dev-page"}


def test_the_page_knows_its_issuer_its_cost_and_no_secret(upload):
    account = Account()
    upload(account)
    config = json.loads(account.put["config.json"]["Body"])
    assert config["sign_in"] == {"issuer": "https://login.example.com/pool", "client": "desk", "scope": "openid"}
    assert (config["api"], config["control"]) == ("", False)
    assert float(config["cost"]["listed"]) > 0


def test_a_stage_without_a_page_says_how_to_make_one(upload):
    with pytest.raises(NothingThere, match="stage deploy dev --service page"):
        upload(Account(deployed=False))


@pytest.mark.parametrize("issuer", ["", "http://login.example.com"])
def test_without_an_issuer_nothing_is_uploaded(upload, monkeypatch, issuer):
    monkeypatch.setenv("FANFOLD_JWT_ISSUER", issuer)
    account = Account()
    with pytest.raises(BadInput, match="FANFOLD_JWT_ISSUER"):
        upload(account)
    assert account.put == {}
