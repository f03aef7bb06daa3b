"""The chat platforms, by name."""

from fanfold.chat.discord import Discord
from fanfold.chat.requests import Platform
from fanfold.chat.slack import Slack
from fanfold.chat.telegram import Telegram

PLATFORMS: dict[str, type[Platform]] = {"telegram": Telegram, "slack": Slack, "discord": Discord}
