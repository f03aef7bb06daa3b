"""Show what to do so that a platform sends its commands to a stage.

It holds no token, and sends nothing.

Example: fanfold chat setup telegram
Example: fanfold chat setup discord --stage live
"""

import json
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.chat.commands import VERBS
from fanfold.chat.requests import TEXT_MAX
from fanfold.chat.slack import PREFIX
from fanfold.cli.argument_types import PlatformName, Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.stages.session import StageSession, reach

EXITS = DESK
# Discord's types of a command of text, and of an option that is one.
CHAT_INPUT, STRING = 1, 3


def command(
    platform: Annotated[PlatformName, Parameter(metavar="PLATFORM", help="telegram, slack or discord")],
    /,
    *,
    options: Shared,
    stage: StageName = "",
) -> Answer:
    """Return the steps of one platform, with the address of a stage where one is named."""
    address = f"{_api(options, stage)}/chat/{platform}"
    parameter = f"/fanfold/{stage or 'STAGE'}/chat"
    steps, document = {"telegram": _telegram, "slack": _slack, "discord": _discord}[platform](address)
    stored = (
        f'Store what {platform} proves its requests with, in a file secrets.json such as {{"{platform}": "..."}}:\n'
        f"aws ssm put-parameter --name {parameter} --type SecureString --overwrite --value file://secrets.json\n"
        "Then delete the file. The other platforms' secrets belong into the same object."
    )
    text = [f"{number}. {step}" for number, step in enumerate([*steps, stored], 1)]
    return Answer({"platform": platform, "address": address, "document": document}, ["\n".join(text)])


def _api(options: Shared, stage: str) -> str:
    if not stage:
        return "https://API"
    with reach(options.state, stage, options.command) as session:
        return session.api_url if isinstance(session, StageSession) else "https://API"


def _telegram(address: str) -> tuple[list[str], Any]:
    listed = [{"command": verb.name, "description": verb.about} for verb in VERBS.values()]
    bot = "https://api.telegram.org/bot$TOKEN"
    post = "curl -sS -H 'Content-Type: application/json'"
    hook = f'{{"url": "{address}", "secret_token": "\'"$SECRET"\'", "allowed_updates": ["message"]}}'
    return [
        "Make a bot with @BotFather, and put its token into TOKEN in your shell.",
        'Choose a secret: SECRET=$(openssl rand -hex 32). It is the value of "telegram" in the last step.',
        f"Set the webhook:\n{post} {bot}/setWebhook -d '{hook}'",
        f"List the commands:\n{post} {bot}/setMyCommands -d '{json.dumps({'commands': listed})}'",
    ], listed


def _slack(address: str) -> tuple[list[str], Any]:
    slash = {
        "command": PREFIX,
        "url": address,
        "description": "Command the desk",
        "usage_hint": "status | halt [ACCOUNT] [REASON] | help",
        "should_escape": False,
    }
    manifest = {
        "display_information": {"name": "Fanfold"},
        "features": {"bot_user": {"display_name": "fanfold"}, "slash_commands": [slash]},
        "oauth_config": {"scopes": {"bot": ["commands"]}},
    }
    return [
        f"Make an app from this manifest, and install it into your workspace:\n{json.dumps(manifest, indent=2)}",
        'Take the Signing Secret from its Basic Information. It is the value of "slack" in the last step.',
    ], manifest


def _discord(address: str) -> tuple[list[str], Any]:
    words = {"type": STRING, "name": "text", "description": "what belongs behind it", "required": False}
    listed = [
        {"type": CHAT_INPUT, "name": verb.name, "description": verb.about}
        | ({"options": [words | {"description": verb.usage, "max_length": TEXT_MAX}]} if verb.usage else {})
        for verb in VERBS.values()
    ]
    url = "https://discord.com/api/v10/applications/$APPLICATION/commands"
    register = f'curl -sS -X PUT {url} -H "Authorization: Bot $TOKEN" -H "Content-Type: application/json"'
    return [
        "Make an application, with its Application ID in APPLICATION, and take its Public Key.",
        'The key is the value of "discord" in the last step: do that first, for Discord checks the address.',
        f"Register the commands, with the bot's token in TOKEN:\n{register} -d '{json.dumps(listed)}'",
        f"Set the Interactions Endpoint URL: {address}",
    ], listed
