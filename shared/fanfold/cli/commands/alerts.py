"""Show the alerts that need somebody, take one, or send a test to a channel.

Addresses of channels are secrets: on a laptop a JSON object in a file that its owner alone can read, ./alerts.json or
the one of FANFOLD_ALERT_ADDRESSES; of a stage a SecureString. docs/alerts.md has the form of each.

Example: fanfold alerts
Example: fanfold alerts test phone
Example: fanfold alerts --stage dev --ack "trading-state main"
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from fanfold.alerts.record import AlertRecord
from fanfold.alerts.sending import acknowledge
from fanfold.aws.client.connect import BACKOFF
from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.dynamodb.table import Table
from fanfold.channels.address_file import address_file, addresses_in
from fanfold.channels.addressed import AddressedChannels, Announcement
from fanfold.cli.argument_types import Options, Shared, StageName
from fanfold.cli.control import actor
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, grid
from fanfold.errors import BadInput
from fanfold.local.session import table_name
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)
TEST = Announcement("A test of fanfold", "If you read this, the channel works.")
_COLUMNS = {"key": "alert", "severity": "severity", "count": "times", "since": "since", "last": "last", "title": "what"}


def command(
    action: Annotated[Literal["list", "test"], Parameter(help="list alerts, or send a test to channels")] = "list",
    channel: Annotated[str | None, Parameter(metavar="CHANNEL", help="test this channel; without it, all")] = None,
    /,
    *,
    options: Shared,
    stage: StageName = "",
    ack: Annotated[
        str | None,
        Parameter(metavar="ALERT", help="acknowledge an alert: no repeats, and no further channel is notified"),
    ] = None,
    past: Annotated[
        bool, Parameter(name="--all", negative=(), help="list those too that are over or were taken")
    ] = False,
) -> Answer:
    """Return the alerts, or the result of a test; a failure where a channel took nothing."""
    if action == "test":
        return _tested(_stage_told(options, stage, channel) if stage else _told(channel))
    if channel is not None:
        raise BadInput(f"`fanfold alerts` lists them all; to test a channel write `fanfold alerts test {channel}`")
    with reach(options.state, stage, options.command) as session:
        store = DynamoAlerts(Table(session.call, table_name("alerts", session.stage)))
        if ack is not None:
            taken = acknowledge(store, ack, actor(session), BACKOFF)
            return Answer(_row(taken), [f"{taken.key} is taken by {taken.acknowledged_by}"])
        rows = [_row(record) for record in store.all() if record.open or (past and record.count)]
    rows.sort(key=lambda row: row["last"], reverse=True)
    failing = [f"{row['key']}: {reason}" for row in rows for reason in row["failing"].values()]
    return Answer({"alerts": rows}, [grid("", rows, _COLUMNS), *failing] if rows else ["no alert needs anybody"])


def _row(record: AlertRecord) -> dict[str, Any]:
    failing = {name: state.failure for name, state in record.deliveries.items() if state.failures}
    return {
        "key": record.key, "severity": record.severity, "title": record.title, "text": record.text,
        "count": record.count, "since": datetime.fromtimestamp(record.first_s, UTC),
        "last": datetime.fromtimestamp(record.last_s, UTC), "open": record.open,
        "taken_by": record.acknowledged_by, "failing": failing,
    }  # fmt: skip


def _told(channel: str | None) -> dict[str, str]:
    """Tell channels from this machine; return by channel why it failed, "" where it did not."""
    path = address_file()
    channels = AddressedChannels(lambda: addresses_in(path), str(path))
    failures = channels.try_out(channel or "", TEST)
    if not failures:
        raise BadInput(f"{path} names no channel; docs/alerts.md says what to write into it")
    return failures


def _stage_told(options: Options, stage: str, channel: str | None) -> dict[str, str]:
    """Let the stage's own function tell its channels, with the addresses that are its secret."""
    with reach(options.state, stage, options.command) as session:
        named = {"channel": channel} if channel else {}
        failures: dict[str, str] = session.invoke("alerts", "try_out", named | {"title": TEST.title, "text": TEST.body})
        return failures


def _tested(failures: dict[str, str]) -> Answer:
    lines = [f"{name}: {failure or 'took it'}" for name, failure in failures.items()]
    document = {name: {"took": not failure, "failure": failure} for name, failure in failures.items()}
    return Answer({"channels": document}, lines, Exit.FAILED if any(failures.values()) else Exit.OK)
