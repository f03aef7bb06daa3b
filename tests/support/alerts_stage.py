"""The platform and alerts as they are packaged."""

from support.packaged_stacks import Stacks
from support.packaged_stages import DIGEST, PLATFORM, STAGES, template

# What a stage needs that asks for an image's digest.
ALERTS_IMAGE = {"FANFOLD_DIGEST_ALERTS": DIGEST}


def packaged_alerts(named: str) -> Stacks:
    """The platform and alerts as they are packaged for one of STAGES."""
    stage, environment = STAGES[named]
    # The platform has no images: it is the one that is kept of this stage for all tests.
    platform, own = template(PLATFORM, stage, environment), template("alerts", stage, environment | ALERTS_IMAGE)
    return Stacks({PLATFORM: platform, "alerts": own})
