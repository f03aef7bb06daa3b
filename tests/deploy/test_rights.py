"""The permissions that a stack lists are checked against the known ones while the tool packages."""

from pathlib import Path

import pytest

from support import packaged_stages as packaging

SIGNAL = "services/signal/serverless.yml"
RIGHTS = "fold: { publish: [targets, bars-requested], tables: { folds: [Query, PutItem] } }"


@pytest.mark.parametrize(("new", "named"), [
    (RIGHTS.replace("tables", "table"), "fold has the right table"),
    (RIGHTS.replace("fold:", "folds:"), "rights of folds, and no such function"),
])  # fmt: skip
def test_a_misspelt_permission_is_rejected_by_name(tmp_path: Path, new: str, named: str) -> None:
    changed = packaging.changed_copy(tmp_path, SIGNAL, RIGHTS, new)
    with pytest.raises(packaging.NotPackaged, match=named):
        packaging.packaged_in(changed / "services" / "signal", "dev", {})


def test_a_role_has_what_follows_from_its_function_and_the_rights_that_it_is_given() -> None:
    fold, webhook = (_actions(packaging.template("signal", "dev", {}), role) for role in ("FoldRole", "WebhookRole"))
    log, key = {"logs:CreateLogStream", "logs:PutLogEvents"}, {"kms:Decrypt", "kms:GenerateDataKey"}
    trace = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    queue = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"}
    assert fold == log | key | trace | queue | {"sns:Publish", "dynamodb:Query", "dynamodb:PutItem"}
    assert webhook == log | trace  # The stage has no webhook: its function may do nothing.


def _actions(template: packaging.Template, role: str) -> set[str]:
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    return {action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]}
