# ruff: noqa: N999 - a command's file is named as it is called
"""Answer a command of a chat here, as a phone would show it.

The desk of the state directory carries it out: a `/halt` halts. Without --as it is yours, with every role; a resume
needs a second person of the desk file, or `fanfold resume`. What is denied or fails ends with 1 and its reason.

Example: fanfold chat try "/status"
Example: fanfold chat try "/halt main venue is down" --as anna
"""

from getpass import getuser
from typing import Annotated
from uuid import uuid4

import msgspec
from cyclopts import Parameter

from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.dynamodb.chat_inbox import ChatInbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.functions import invoker
from fanfold.aws.sns import Topics
from fanfold.chat.platforms import PLATFORMS
from fanfold.chat.requests import ChatAnswer, Incoming, Platform
from fanfold.chat.webhook import ChatParts, conversation
from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.limit_reading import now_of
from fanfold.cli.output import Answer
from fanfold.deployment import topic_name
from fanfold.desk import Desk
from fanfold.errors import BadInput, near
from fanfold.local.launcher import REGION
from fanfold.local.session import ACCOUNT_ID, LocalSession, connect, table_name
from fanfold.operators.persons import Person

EXITS = (Exit.FAILED, *DESK)


def command(
    text: Annotated[str, Parameter(metavar="COMMAND", help="the command as it is written on a phone")],
    /,
    *,
    options: Shared,
    as_: Annotated[
        str | None, Parameter(name="--as", metavar="NAME", help="a person of the desk file, with that person's role")
    ] = None,
) -> Answer:
    """Carry a command out, and return what a phone would show."""
    with connect(options.state, options.command) as session:
        desk, platform, user = _sender(session.desk, as_)
        now = now_of(session)
        incoming = Incoming(user, text, uuid4().hex, int(now.timestamp()))
        answer = conversation(desk, _parts(session)).respond(platform, incoming, now)
        recorded = session.rested()
    if answer is None:
        raise BadInput("nobody of the desk file wrote this")
    exit_code = Exit.OK if answer.done else Exit.FAILED
    return Answer(answer._asdict() | {"recorded": recorded}, ["\n".join(_lines(answer))], exit_code)


def _sender(desk: Desk, name: str | None) -> tuple[Desk, Platform, str]:
    """Return the desk, a platform on which a person is known, and their id there."""
    if name is None:
        me = Person(role="resume", telegram="0")
        return msgspec.structs.replace(desk, chat=desk.chat | {getuser(): me}), PLATFORMS["telegram"](), me.telegram
    if name not in desk.chat:
        raise BadInput(f"the desk file has no [chat.{name}]{near(name, list(desk.chat))}; it has {sorted(desk.chat)}")
    known = ((platform, getattr(desk.chat[name], platform)) for platform in PLATFORMS)
    platform, user = next((platform, user) for platform, user in known if user)
    return desk, PLATFORMS[platform](), user


def _parts(session: LocalSession) -> ChatParts:
    orders = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:fanfold-{session.stage}-{topic_name('orders')}"
    alerts = Table(session.call, table_name("alerts", session.stage))
    return ChatParts(
        invoke=invoker(session.call, session.stage),
        inbox=ChatInbox(alerts),
        bus=Topics(session.call, {"orders": orders}),
        alerts=DynamoAlerts(alerts).all,
        secrets=dict,
    )


def _lines(answer: ChatAnswer) -> list[str]:
    return [answer.title, *answer.lines, *([answer.code] if answer.code else [])]
