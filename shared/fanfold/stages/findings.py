"""Check what a deploy of a stage needs; each finding that is wrong has the command that mends it."""

from collections.abc import Mapping
from pathlib import Path

from fanfold.aws.client.call import AwsFault, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.deployment import SERVICES
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import container_tool, desk_meaning
from fanfold.market import timeframes
from fanfold.stages import names
from fanfold.stages.account import account_findings, own_buckets
from fanfold.stages.finding import StageFinding
from fanfold.strategy import folder


def stage_findings(stage: str, desk_file: Path, environ: Mapping[str, str]) -> list[StageFinding]:
    """Return the findings on settings and tools, then on the account, which is not asked where AWS does not know it."""
    names.check(stage)
    own = [_builder(), *_settings(stage, environ), _venues(desk_file, environ)]
    try:
        call = own_buckets(connect("boto3", Endpoint.of(environ)))
        who = call("sts", "GetCallerIdentity", {})["Arn"]
    except (BadInput, AwsFault) as wrong:
        return [*own, StageFinding("account", str(wrong), "export AWS_PROFILE=... AWS_REGION=eu-west-1")]
    account = StageFinding("account", f"AWS takes you for {who}")
    return [*own, account, *account_findings(call, stage, environ)]


def replay_venues(traded: Desk) -> list[str]:
    """Return the venues that only play recordings, which no image holds."""
    return sorted(name for name, venue in traded.venues.items() if venue.kind == "replay")


def refuse_recordings(desk_file: Path, environ: Mapping[str, str]) -> None:
    """Raise BadInput for a desk that would get no bars in an account; only an embedded AWS has recordings."""
    venues = replay_venues(_desk(desk_file, environ))
    if venues and not environ.get("AWS_ENDPOINT_URL"):
        raise BadInput(_recordings(desk_file, venues) + f"; {_RECORDINGS_FIX}, then `make images`")


def refuse_live(stage: str, desk_file: Path, environ: Mapping[str, str]) -> None:
    """Raise BadInput for live accounts at another venue than the stage live names; in other stages all is on paper."""
    if stage != "live":
        return
    live_venue, accounts = environ.get("FANFOLD_LIVE_VENUE", ""), _desk(desk_file, environ).accounts
    wrong = [name for name, account in accounts.items() if account.mode == "live" and account.venue != live_venue]
    if wrong:
        raise BadInput(
            f"{desk_file}: accounts {', '.join(wrong)} are live, and their venue is not the one that "
            f"FANFOLD_LIVE_VENUE names ({live_venue or 'none'}): it is the NAME of [venues.NAME]; give accounts at "
            'other venues mode = "paper"'
        )


def key_needed(stage: str, desk_file: Path, environ: Mapping[str, str]) -> str:
    """Return what the live accounts of a stage need besides a deploy; "" where all of its accounts trade on paper."""
    accounts = _desk(desk_file, environ).accounts if stage == "live" else {}
    live = [name for name, account in accounts.items() if account.mode == "live"]
    return (
        f"accounts {', '.join(live)} wait for the venue's key until it is stored, as docs/live.md says" if live else ""
    )


def bars_period_s(desk_file: Path, environ: Mapping[str, str]) -> int:
    """Return how often bars come to a desk, in seconds: as often as its shortest venue's close."""
    return timeframes.seconds(_desk(desk_file, environ).shortest_timeframe)


_RECORDINGS_FIX = 'give them kind = "ccxt" and an exchange, such as exchange = "binance"'


def _recordings(desk_file: Path, venues: list[str]) -> str:
    return f"{desk_file}: venues {', '.join(venues)} play recordings, which no image holds"


def _desk(desk_file: Path, environ: Mapping[str, str]) -> Desk:
    """Read the desk that goes into the images, with the strategies that do."""
    folder.use(folder.chosen(environ.get("FANFOLD_STRATEGIES")))
    return desk_meaning.load(desk_file)


def _venues(desk_file: Path, environ: Mapping[str, str]) -> StageFinding:
    try:
        venues = replay_venues(_desk(desk_file, environ))
    except (BadInput, OSError) as wrong:
        return StageFinding("venues", str(wrong), f"fanfold desk check {desk_file}")
    if venues:
        return StageFinding("venues", _recordings(desk_file, venues), _RECORDINGS_FIX)
    return StageFinding("venues", "real exchanges' public bars")


def _builder() -> StageFinding:
    try:
        return StageFinding("images", f"built by {container_tool.tool()}")
    except BadInput as wrong:
        return StageFinding("images", str(wrong), "start docker, or `apt install buildah`")


def _settings(stage: str, environ: Mapping[str, str]) -> list[StageFinding]:
    missing = names.missing_settings(stage, SERVICES, environ)
    return [StageFinding(name, f"not set: {about}", f"export {name}=...") for name, about in missing.items()] or [
        StageFinding("settings", f"all {len(names.settings(stage))} that {stage} asks for are set")
    ]
