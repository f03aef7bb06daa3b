"""The channels that people read: Telegram, Slack, mail and others, through apprise."""
