"""The platform and research on the embedded AWS, from their packaged templates: all that sweeps need of a stage."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fanfold.aws.client.call import Call
from fanfold.deployment import STAGE
from fanfold.local.launcher import REGION, Cloud
from support.alarms import ACCOUNT_ID
from support.packaged_stacks import Stacks
from support.packaged_stages import DIGEST, PLATFORM, STAGES, template
from support.trading import start_desk

LAKE = f"fanfold-{STAGE}-lake"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:fanfold-{STAGE}-sweeps"
# What a stage needs that asks for an image's digest.
RESEARCH_IMAGE = {"FANFOLD_DIGEST_RESEARCH": DIGEST}


def packaged_research(named: str) -> Stacks:
    """The platform and research as they are packaged for one of STAGES."""
    stage, environment = STAGES[named]
    # The platform has no images: it is the one that is kept of this stage for all tests.
    platform, own = template(PLATFORM, stage, environment), template("research", stage, environment | RESEARCH_IMAGE)
    return Stacks({PLATFORM: platform, "research": own})


@contextmanager
def research_stage(state: Path, **settings: str) -> Iterator[Cloud]:
    """A stage whose functions run under their deployed roles; settings go into the emulator's environment."""
    state.mkdir(parents=True)
    with start_desk(state, {"AUTH": "true", **settings}) as cloud:
        call = cloud.call()
        for stack in (PLATFORM, "research"):
            create(call, f"fanfold-{stack}-{STAGE}", template(stack, STAGE, {}))
        yield cloud


def create(call: Call, name: str, document: dict[str, Any]) -> None:
    """Create a stack from a template, and wait for it."""
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    request = {"StackName": name, "TemplateBody": json.dumps(document), "Capabilities": capabilities}
    call("cloudformation", "CreateStack", request)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (stack,) = call("cloudformation", "DescribeStacks", {"StackName": name})["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            assert stack["StackStatus"] == "CREATE_COMPLETE", stack
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} was not created")
