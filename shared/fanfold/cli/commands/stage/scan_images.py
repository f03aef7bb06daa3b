"""Wait for ECR's scan of images; fail where a finding is critical.

FANFOLD_DIGEST_* name the images.

Example: fanfold stage scan-images
"""

import os

from fanfold.aws.client.call import Endpoint
from fanfold.aws.client.connect import connect
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.stages.scanned import critical_findings

EXITS = (Exit.FAILED, Exit.NOT_REACHABLE)


def command() -> Answer:
    """Return how many critical findings each service's image has; a failure where one has any."""
    counts = critical_findings(connect("boto3", Endpoint.of(os.environ)), os.environ)
    text = [f"{service}: {count} critical findings" for service, count in counts.items()]
    return Answer({"critical": counts}, text, Exit.FAILED if any(counts.values()) else Exit.OK)
