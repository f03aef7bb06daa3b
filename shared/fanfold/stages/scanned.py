"""``python -m fanfold.stages.scanned``: wait for ECR's scan of the images that FANFOLD_DIGEST_* name.

The code is 1 where one has a critical finding. With enhanced scanning none is ever complete: it is ACTIVE for good.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from fanfold.aws.client.call import AwsFault, Call, Endpoint, connect
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.stages.names import digest

READY = frozenset({"COMPLETE", "ACTIVE"})
WAITING = frozenset({"IN_PROGRESS", "PENDING"})
TIMEOUT_S = 600
CRITICAL = "CRITICAL"


def critical(call: Call, service: str, image_digest: str, pause_s: float = 5) -> int:
    """How many critical findings an image has. Raises BadInput where it is not scanned at all, or not in time."""
    asked = {"repositoryName": f"fanfold-{service}", "imageId": {"imageDigest": image_digest}}
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found = _findings(call, asked)
        status = found["imageScanStatus"]
        if status["status"] in READY:
            return int(found.get("imageScanFindings", {}).get("findingSeverityCounts", {}).get(CRITICAL, 0))
        if status["status"] not in WAITING or time.monotonic() > deadline:
            why = status.get("description", "ECR gives no reason")
            raise BadInput(f"the scan of {service} is {status['status']}: {why}")
        time.sleep(pause_s)


def _findings(call: Call, asked: Mapping[str, object]) -> dict[str, Any]:
    try:
        return call("ecr", "DescribeImageScanFindings", asked)
    except AwsFault as fault:
        if fault.code != "ScanNotFoundException":
            raise
        return {"imageScanStatus": {"status": "PENDING", "description": "it was never begun"}}


def main(environ: Mapping[str, str], call: Call) -> int:
    """0 where nothing critical is in any image."""
    counts = {one: critical(call, one, environ[digest(one)]) for one in SERVICES}
    for service, count in counts.items():
        print(f"{service}: {count} critical findings")
    return 1 if any(counts.values()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(os.environ, connect("boto3", Endpoint.of(os.environ))))
    except (AwsFault, BadInput, KeyError) as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(2)
