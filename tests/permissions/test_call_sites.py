"""The recorded journey leaves no call out: every operation that the code spells was made, and no other."""

import json
import re
from pathlib import Path

import pytest

from fanfold.aws.client.recording import RecordedLine
from fanfold.deployment import STAGE
from support.packaged_stacks import packaged
from support.run_calls import not_allowed

ROOT = Path(__file__).resolve().parents[2]
SITE = re.compile(r'call\(\s*"(\w+)",\s*f?"([\w{}]+)"')
# A single write's operation is made of its kind.
KINDS = {"{kind}Item": ("PutItem", "UpdateItem", "DeleteItem")}
# What the code spells and the journey does not ask for, and why.
EXCUSED: dict[tuple[str, str], str] = {
    ("dynamodb", "Scan"): "The console alone reads all views, with the rights of whoever asks.",
    ("lambda", "Invoke"): "The chat alone calls other functions, and no desk needs it; its own tests show what.",
    ("kms", "DescribeKey"): "The embedded stage has no key; tests/aws signs on emulators.",
    ("kms", "GenerateMac"): "The embedded stage has no key; tests/aws signs on emulators.",
    ("stepfunctions", "StartExecution"): "The embedded stage sends slices by polls; tests/journeys starts it.",
    ("kms", "VerifyMac"): "The embedded stage has no key; tests/aws signs on emulators.",
}


def spelled() -> set[tuple[str, str]]:
    """Service and operation of every call that functions may come to."""
    files = [*(ROOT / "shared" / "fanfold" / "aws").rglob("*.py"), *ROOT.glob("services/*/*_service/*.py")]
    sites = [site for file in files for site in SITE.findall(file.read_text())]
    return {(service, operation) for service, named in sites for operation in KINDS.get(named, (named,))}


def test_the_journey_makes_every_call_that_the_code_spells(recording):
    made = {(call.service, call.operation) for call in recording.calls}
    assert spelled() - set(EXCUSED) == made
    assert set(EXCUSED) <= spelled() - made
    assert all(reason.endswith(".") for reason in EXCUSED.values())


def test_every_call_site_is_one_that_this_test_understands():
    """A call whose operation is not spelled where it is made would be looked for in vain."""
    files = [*(ROOT / "shared" / "fanfold" / "aws").rglob("*.py"), *ROOT.glob("services/*/*_service/*.py")]
    for file in files:
        text = file.read_text()
        assert len(re.findall(r"\b_?call\(\s*f?\"", text)) == len(SITE.findall(text)), file.name


@pytest.mark.parametrize(
    ("function", "table", "wrong"),
    [("execution-local-execute", "ledger", 0), ("execution-local-execute", "views", 1), ("test-local-own", "views", 0)],
)
def test_a_run_with_calls_that_no_role_allows_is_reported(tmp_path, function, table, wrong):
    line = RecordedLine(function=f"fanfold-{function}", service="dynamodb", operation="Query",
                parameters={"TableName": f"fanfold-{STAGE}-{table}"})  # fmt: skip
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({name: getattr(line, name) for name in line.__struct_fields__}) + "\n")
    assert len(not_allowed(path)) == wrong
    assert packaged(STAGE).functions
