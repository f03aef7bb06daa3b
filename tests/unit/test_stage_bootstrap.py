"""A bootstrap makes what a stage needs once, may be repeated, and takes over what an account has already."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput
from fanfold.stages.account_template import account_template
from fanfold.stages.bootstrap import AUDIENCE, GITHUB, Bootstrap
from fanfold.stages.names import bucket_prefix
from fanfold.stages.removal import StageFailed

PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{GITHUB}"
OTHERS = "arn:aws:iam::123456789012:oidc-provider/login.example.com"


class Account:
    """CloudFormation and IAM, as far as a bootstrap asks them."""

    def __init__(self, providers: Mapping[str, list[str]] | None = None, ends: str = "_COMPLETE") -> None:
        self.stacks: dict[str, dict[str, Any]] = {}
        self.providers = {OTHERS: ["x"], **(providers or {})}
        self._ends = ends
        # Stacks whose first creation failed: CloudFormation updates none of them, and creates none of their names.
        self.dead: set[str] = set()

    def __call__(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        return self._iam(operation, parameters) if service == "iam" else self._stack(operation, parameters)

    def _iam(self, operation: str, parameters: Any) -> dict[str, Any]:
        match operation:
            case "ListOpenIDConnectProviders":
                return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in self.providers]}
            case "GetOpenIDConnectProvider":
                return {"ClientIDList": self.providers[parameters["OpenIDConnectProviderArn"]]}
            case "AddClientIDToOpenIDConnectProvider":
                self.providers[parameters["OpenIDConnectProviderArn"]].append(parameters["ClientID"])
            case "CreateOpenIDConnectProvider":
                assert PROVIDER not in self.providers
                self.providers[PROVIDER] = parameters["ClientIDList"]
        return {}

    def _stack(self, operation: str, parameters: Any) -> dict[str, Any]:
        name = parameters["StackName"]
        if operation == "DeleteStack":
            self.dead.remove(name)
            return {}
        if operation == "DescribeStacks":
            return {"Stacks": [self._described(name)]}
        values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in parameters["Parameters"]}
        if operation == "UpdateStack" and self.stacks[name] == values:
            raise AwsFault("ValidationError", "No updates are to be performed.", 400)
        assert (operation == "CreateStack") is (name not in self.stacks)
        assert name not in self.dead
        self.stacks[name] = values
        return {}

    def _described(self, name: str) -> dict[str, Any]:
        if name in self.dead:
            return {"StackName": name, "StackStatus": "ROLLBACK_COMPLETE"}
        if name not in self.stacks:
            raise AwsFault("ValidationError", f"Stack with id {name} does not exist", 400)
        outputs = {"Images": "registry/fanfold", "DeliveryRoleArn": f"role-of-{name}"} | self.stacks[name]
        listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        return {"StackName": name, "StackStatus": f"CREATE{self._ends}", "StackStatusReason": "why", "Outputs": listed}


def own(stage: str, bucket: str = "acme-dev-deployment") -> dict[str, str]:
    lasting = stage not in {"pr", "try"}
    return {"Stage": stage, "Stages": stage if lasting else f"{stage}-*", "DeploymentBucket": bucket,
            "Buckets": bucket.removesuffix("-deployment") + ("" if lasting else f"-{stage}-*")}  # fmt: skip


def test_a_bootstrap_may_be_repeated_and_says_what_a_deploy_asks_for() -> None:
    account, printed = Account(), list[str]()
    for _ in range(2):
        Bootstrap(account, printed.append, 0).run("dev", "acme-dev", "acme/desk")
    assert account.stacks == {
        "fanfold-bootstrap": {}, "fanfold-bootstrap-dev": own("dev"),
        "fanfold-delivery-dev": own("dev") | {"Repository": "acme/desk"},
    }  # fmt: skip
    assert {"FANFOLD_IMAGES=registry/fanfold", "DELIVERY_ROLE=role-of-fanfold-delivery-dev"} <= set(printed)


def test_a_stack_that_never_came_up_is_deleted_and_made_again() -> None:
    account = Account()
    account.dead = {"fanfold-bootstrap-dev"}
    Bootstrap(account, print, 0).run("dev", "acme-dev")
    assert account.stacks == {"fanfold-bootstrap": {}, "fanfold-bootstrap-dev": own("dev")}
    assert account.dead == set()


@pytest.mark.parametrize("file", ["bootstrap.yml", "stage.yml"])
def test_a_bootstrap_that_fails_leaves_nothing_in_the_way_of_the_next(file: str) -> None:
    text = account_template(file)
    assert re.findall(r"^ +DeletionPolicy: (\w+)", text, re.MULTILINE)
    assert set(re.findall(r"^ +DeletionPolicy: (\w+)", text, re.MULTILINE)) == {"RetainExceptOnCreate"}


@pytest.mark.parametrize("prefix", ["Acme-dev", "acme.dev", "acme_dev", "-acme", "a", "xn--acme", "a" * 53])
def test_a_prefix_of_which_s3_takes_no_bucket_is_refused(prefix: str) -> None:
    with pytest.raises(BadInput, match="FANFOLD_BUCKET_PREFIX"):
        bucket_prefix("dev", {"FANFOLD_BUCKET_PREFIX": prefix})
    assert bucket_prefix("dev", {"FANFOLD_BUCKET_PREFIX": "a" * 52})
    with pytest.raises(BadInput, match="40 characters"):
        bucket_prefix("pr-12", {"FANFOLD_BUCKET_PREFIX": "a" * 41})


def test_live_has_a_bucket_and_a_role_of_its_own_beside_dev_s() -> None:
    account = Account()
    Bootstrap(account, print, 0).run("dev", "acme-dev", "acme/desk")
    Bootstrap(account, print, 0).run("live", "acme-live", "acme/desk")
    assert account.stacks["fanfold-bootstrap-live"] == own("live", "acme-live-deployment")
    assert account.stacks["fanfold-bootstrap-dev"] == own("dev")


@pytest.mark.parametrize("stage", ["try", "try-12"])
def test_a_stage_of_some_days_has_what_all_of_its_kind_share_and_dev_s_bucket(stage: str) -> None:
    account = Account()
    Bootstrap(account, print, 0).run(stage, "acme-dev")
    assert account.stacks == {"fanfold-bootstrap": {}, "fanfold-bootstrap-dev": own("dev"),
                              "fanfold-bootstrap-try": own("try")}  # fmt: skip


def test_a_bucket_that_a_stage_was_deployed_from_is_not_left_behind() -> None:
    account = Account()
    Bootstrap(account, print, 0).run("dev", "acme-dev")
    with pytest.raises(BadInput, match="FANFOLD_BUCKET_PREFIX=acme-dev`"):
        Bootstrap(account, print, 0).run("dev", "other")
    assert account.stacks["fanfold-bootstrap-dev"] == own("dev")


@pytest.mark.parametrize("known", [{}, {PROVIDER: [AUDIENCE]}, {PROVIDER: ["others"]}])
def test_an_account_that_knows_github_already_keeps_its_provider(known: dict[str, list[str]]) -> None:
    account = Account(known)
    Bootstrap(account, print, 0).run("dev", "acme-dev", "acme/desk")
    assert AUDIENCE in account.providers[PROVIDER]
    assert account.providers[OTHERS] == ["x"]


def test_without_a_repository_nothing_is_asked_of_iam() -> None:
    account = Account()
    Bootstrap(account, print, 0).run("dev", "acme-dev")
    assert PROVIDER not in account.providers
    assert "fanfold-delivery-dev" not in account.stacks


def test_a_stack_that_does_not_come_up_is_told_with_its_reason() -> None:
    with pytest.raises(StageFailed, match="fanfold-bootstrap is CREATE_ROLLBACK_COMPLETE: why"):
        Bootstrap(Account(ends="_ROLLBACK_COMPLETE"), print, 0).run("dev", "acme-dev")


@pytest.mark.parametrize("stage", ["prod", "pr-UP", "prx"])
def test_an_unknown_stage_is_refused(stage: str) -> None:
    with pytest.raises(BadInput, match="there is no stage"):
        Bootstrap(Account(), print, 0).run(stage, "acme-dev")
