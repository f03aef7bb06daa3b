"""Push built images, and print the settings that deploy them.

FANFOLD_IMAGES names the repositories.

Example: fanfold stage push-images
Example: fanfold stage push-images signal risk
"""

import os
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fanfold.aws.client.call import Endpoint
from fanfold.aws.client.connect import connect
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.deployment import OPTIONAL, SERVICES
from fanfold.stages.pushing import push_all

EXITS = (Exit.NOT_REACHABLE,)

if TYPE_CHECKING:
    ServiceName = str
else:
    ServiceName = Literal[(*SERVICES, *OPTIONAL)]


def command(
    *services: Annotated[
        ServiceName, Parameter(metavar="SERVICE", help="services whose images to push; else those of the desk")
    ],
) -> Answer:
    """Return the digest of each service's image, as FANFOLD_DIGEST_SIGNAL=sha256:... and the like."""
    settings = push_all(connect("boto3", Endpoint.of(os.environ)), list(services) or list(SERVICES), os.environ)
    return Answer(dict(setting.split("=", 1) for setting in settings), settings)
