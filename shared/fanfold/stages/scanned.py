"""Wait for ECR's scan of the images that FANFOLD_DIGEST_* name.

With enhanced scanning none is ever complete: it is ACTIVE for good.
"""

import time
from collections.abc import Mapping
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.stages.names import digest

READY = frozenset({"COMPLETE", "ACTIVE"})
WAITING = frozenset({"IN_PROGRESS", "PENDING"})
TIMEOUT_S = 600
CRITICAL = "CRITICAL"


def critical_count(call: Call, service: str, image_digest: str, pause_s: float = 5) -> int:
    """Return how many critical findings an image has. Raises BadInput where it is not scanned in time."""
    request = {"repositoryName": f"fanfold-{service}", "imageId": {"imageDigest": image_digest}}
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        scan = _findings(call, request)
        status = scan["imageScanStatus"]
        if status["status"] in READY:
            return int(scan.get("imageScanFindings", {}).get("findingSeverityCounts", {}).get(CRITICAL, 0))
        if status["status"] not in WAITING or time.monotonic() > deadline:
            why = status.get("description", "ECR gives no reason")
            raise BadInput(f"the scan of {service} is {status['status']}: {why}")
        time.sleep(pause_s)


def _findings(call: Call, request: Mapping[str, object]) -> dict[str, Any]:
    try:
        return call("ecr", "DescribeImageScanFindings", request)
    except AwsFault as fault:
        if fault.code != "ScanNotFoundException":
            raise
        return {"imageScanStatus": {"status": "PENDING", "description": "it was never begun"}}


def critical_findings(call: Call, environ: Mapping[str, str]) -> dict[str, int]:
    """Return how many critical findings the image of each service has. Raises BadInput for a digest that is missing."""
    missing = [digest(service) for service in SERVICES if not environ.get(digest(service))]
    if missing:
        raise BadInput(f"{', '.join(missing)} must name the images, as `make push-images` prints them")
    return {service: critical_count(call, service, environ[digest(service)]) for service in SERVICES}
