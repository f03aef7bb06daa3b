"""Upload the page to a stage that has a place for it, and print its address.

`fanfold stage deploy STAGE --service page` makes the place. FANFOLD_JWT_ISSUER and FANFOLD_JWT_AUDIENCE say where the
page's reader signs in, as they do for the HTTP API.

Example: fanfold stage page dev
"""

import os

from fanfold.cli import page_cost
from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stage, account, checked, done, progress
from fanfold.deployment import PAGE
from fanfold.errors import BadInput, NothingThere
from fanfold.page.files import PageSettings, SignIn, page_files
from fanfold.stages.removal import describe

EXITS = (Exit.NOTHING_THERE, Exit.NOT_REACHABLE)
# Asked for anew each time, and answered without a body while it is unchanged.
CACHED = "no-cache"
# The scope of who may halt; the page shows its controls to whoever signs in where FANFOLD_SIGN_IN_SCOPE has it.
HALTING = "fanfold/halt"


def command(stage: Stage = "dev", /, *, options: Shared) -> Answer:
    """Upload the page's files, with the settings of the stage in its config.json."""
    call, sign_in = account(), _sign_in()
    there = describe(call, f"fanfold-{PAGE}-{checked(stage)}")
    if there is None:
        raise NothingThere(f"the stage has no page yet: run `fanfold stage deploy {stage} --service {PAGE}`")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in there["Outputs"]}
    settings = PageSettings(
        control=HALTING in sign_in.scope.split(),
        halt="/page/halt",
        resume="/page/resume",
        cost=page_cost.estimate(os.environ.get("FANFOLD_PROFILE", "full")),
        sign_in=sign_in,
    )
    for path, file in page_files(settings).items():
        body = {"Body": file.body.encode(), "ContentType": file.media, "CacheControl": CACHED}
        call("s3", "PutObject", {"Bucket": outputs["PageBucket"], "Key": path.lstrip("/") or "index.html", **body})
    progress(options)(f"{outputs['PageUrl']} shows the stage {stage} to whoever {sign_in.issuer} lets in")
    return done({"stage": stage, "page": outputs["PageUrl"]})


def _sign_in() -> SignIn:
    """Return where the page's reader signs in. Raises BadInput where the environment does not say so."""
    issuer, client = (os.environ.get(f"FANFOLD_JWT_{name}", "") for name in ("ISSUER", "AUDIENCE"))
    if not issuer.startswith("https://") or not client:
        raise BadInput(
            "set FANFOLD_JWT_ISSUER to the https address of who signs your tokens, and FANFOLD_JWT_AUDIENCE to the "
            "client's id there: the page signs its reader in with them, and the API checks the same"
        )
    return SignIn(issuer=issuer, client=client, scope=os.environ.get("FANFOLD_SIGN_IN_SCOPE") or "openid")
