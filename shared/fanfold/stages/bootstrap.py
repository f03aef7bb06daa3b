"""Prepare an account and a stage for a first deploy: repositories, a bucket, bounds, the delivery's role."""

from collections.abc import Mapping
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.errors import BadInput
from fanfold.stages import names
from fanfold.stages.account_template import account_template
from fanfold.stages.names import StageResources
from fanfold.stages.removal import Report, delete_stack, describe, wait_for_stack

ACCOUNT = "fanfold-bootstrap"
GITHUB = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# The status of a stack whose first creation failed.
NEVER_CAME_UP = "ROLLBACK_COMPLETE"


class Bootstrap:
    """Creates or updates the stacks of `shared/stacks/account/`, and waits for each."""

    def __init__(self, call: Call, report: Report = print, pause_s: float = 2) -> None:
        self._call = call
        self._report = report
        self._pause_s = pause_s

    def run(self, stage: str, prefix: str, repository: str = "") -> None:
        """Prepare a stage, or a kind of ephemeral stages, whose artefacts lie where dev's do.

        ``prefix`` begins the names of its buckets; with a repository there is a role for its delivery, too. Raises
        BadInput where the stage has another bucket already, StageFailed where a stack does not come up.
        """
        own = names.resources_of(stage, prefix)
        lasting = own if own.lasting else names.resources_of(names.SHARED, prefix)
        self._keep_bucket(lasting)
        images = self._put(ACCOUNT, "bootstrap.yml", {})["Images"]
        for stack in dict.fromkeys((lasting, own)):
            self._put(f"{ACCOUNT}-{stack.stage}", "stage.yml", stack.parameters())
        self._report(f"FANFOLD_IMAGES={images}")
        if repository:
            self._know_github()
            parameters = own.parameters() | {"Repository": repository}
            role = self._put(f"fanfold-delivery-{own.stage}", "delivery.yml", parameters)["DeliveryRoleArn"]
            self._report(f"DELIVERY_ROLE={role}")

    def _keep_bucket(self, own: StageResources) -> None:
        outputs = _outputs(describe(self._call, f"{ACCOUNT}-{own.stage}") or {})
        there = outputs.get("DeploymentBucket", own.deployment_bucket)
        if there != own.deployment_bucket:
            raise BadInput(
                f"{own.stage} was bootstrapped with the bucket {there}, which keeps what was deployed from it; "
                f"`export FANFOLD_BUCKET_PREFIX={there.removesuffix('-deployment')}`"
            )

    def _know_github(self) -> None:
        """Have the account trust GitHub's tokens: it has one provider of them, whoever created it."""
        known = self._call("iam", "ListOpenIDConnectProviders", {})["OpenIDConnectProviderList"]
        arns = [provider["Arn"] for provider in known if provider["Arn"].endswith(f"/{GITHUB}")]
        if not arns:
            request = {"Url": f"https://{GITHUB}", "ClientIDList": [AUDIENCE]}
            self._call("iam", "CreateOpenIDConnectProvider", request)
            return
        provider = {"OpenIDConnectProviderArn": arns[0]}
        if AUDIENCE not in self._call("iam", "GetOpenIDConnectProvider", provider)["ClientIDList"]:
            self._call("iam", "AddClientIDToOpenIDConnectProvider", provider | {"ClientID": AUDIENCE})

    def _put(self, stack: str, file: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update a stack, and return its outputs."""
        request = {
            "StackName": stack, "TemplateBody": account_template(file),
            "Capabilities": ["CAPABILITY_NAMED_IAM"], "Tags": [{"Key": "project", "Value": "fanfold"}],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        }  # fmt: skip
        there = self._usable(stack)
        try:
            self._call("cloudformation", "UpdateStack" if there else "CreateStack", request)
        except AwsFault as fault:
            if "No updates are to be performed" not in fault.message:
                raise
        settled_stack = wait_for_stack(self._call, stack, self._pause_s)
        self._report(f"{stack}: {'brought up to date' if there else 'made'}")
        return _outputs(settled_stack)

    def _usable(self, stack: str) -> bool:
        """Return whether there is a stack to update. One that never came up can only be deleted, and is."""
        there = describe(self._call, stack)
        if there is None or there["StackStatus"] != NEVER_CAME_UP:
            return there is not None
        delete_stack(self._call, stack, self._pause_s)
        return False


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
