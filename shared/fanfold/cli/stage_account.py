"""The parts that the commands of a stage share: the account, the name of the stage, the output of progress."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fanfold.aws.client.call import Call, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.cli.argument_types import Options
from fanfold.cli.output import Answer
from fanfold.deployment import OPTIONAL, PAGE, SERVICES
from fanfold.stages import names
from fanfold.stages.account import own_buckets
from fanfold.stages.removal import PLATFORM

Stage = Annotated[str, Parameter(metavar="STAGE", help="dev, paper, live, or a temporary one, pr-... or try-... (dev)")]

if TYPE_CHECKING:
    Stack = str
else:
    Stack = Literal[(PLATFORM, *SERVICES, *OPTIONAL, PAGE)]


def account() -> Call:
    """Return the AWS account that `AWS_PROFILE` and `AWS_REGION` name, or the emulator of `AWS_ENDPOINT_URL`."""
    return own_buckets(connect("boto3", Endpoint.of(os.environ)))


def checked(stage: str) -> str:
    """Return the name of a stage. Raises BadInput where there can be no such stage."""
    names.check(stage)
    return stage


def progress(options: Options) -> Callable[[object], None]:
    """Return a function that prints progress: on standard error where standard output is for JSON."""

    def line(text: object) -> None:
        print(text, file=sys.stderr if options.json else sys.stdout, flush=True)

    return line


def done(document: dict[str, object]) -> Answer:
    """Return the document for programs; people have read the progress."""
    return Answer(document, [])
