"""Send to a channel by its address, a URL of apprise's, which is a secret: it stands in no log and in no error.

Loading all of apprise's platforms takes a third of a second more than loading one, so those of PLATFORMS are loaded by
their scheme. Nothing of apprise is imported before a channel is told something.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

from fanfold.alerts.sending import ChannelFailed
from fanfold.errors import BadInput

# Scheme -> apprise's module and class for it.
PLATFORMS = {
    "tgram": ("telegram", "NotifyTelegram"),
    "slack": ("slack", "NotifySlack"),
    "discord": ("discord", "NotifyDiscord"),
    "ntfy": ("ntfy", "NotifyNtfy"),
    "ntfys": ("ntfy", "NotifyNtfy"),
    "pagerduty": ("pagerduty", "NotifyPagerDuty"),
    "mailto": ("email", "NotifyEmail"),
    "mailtos": ("email", "NotifyEmail"),
    "json": ("custom_json", "NotifyJSON"),
    "jsons": ("custom_json", "NotifyJSON"),
}
TYPES = {"info": "info", "warning": "warning", "critical": "failure", "clear": "success"}
# Those that show a text as it is; the others read it as markup.
LITERAL = frozenset({"ntfy", "ntfys", "pagerduty", "json", "jsons"})
# What begins markup on any platform, and the same to the eye without its power: tags, mentions, links behind words.
INERT = (("<", "\u2039"), (">", "\u203a"), ("@", "@\u200b"), ("](", "]\u200b("))
# Beside the title and the body, a platform counts what stands between them, and marks of a heading.
MARKS = 32
# So many characters are left of a body under the longest title, and so many are kept of its end.
BODY_MIN, END_MAX = 40, 200
# A part of an address that is shorter is no secret, and might be a word of an error.
PART_MIN = 5
# What apprise raises of an address or an answer that it does not understand.
RAISED = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
REASON_MAX = 300


class Announcement(NamedTuple):
    """A text for a channel: ``severity`` is an alert's, or "clear" for an end; ``picture`` is a PNG, b"" for none.

    ``thing`` is what it is of, by which a platform that knows incidents finds the one that it ends.
    """

    title: str
    body: str
    severity: str = "info"
    picture: bytes = b""
    thing: str = ""


class AddressedChannels(NamedTuple):
    """Channels whose addresses are read when something is sent; ``where`` says to people where they are kept."""

    addresses: Callable[[], Mapping[str, str]]
    where: str

    def send(self, channel: str, announcement: Announcement) -> None:
        """Send to a channel. Raises ChannelFailed, without any part of the address."""
        try:
            address = self.addresses().get(channel)
        except BadInput as wrong:
            raise ChannelFailed(str(wrong)) from None
        if not address:
            raise ChannelFailed(f"the channel {channel} has no address: put one into {self.where}")
        with _complaints() as complaints:
            taken = _notify(channel, address, announcement)
        if not taken:
            reason = "; ".join(complaints) or "it gave no reason"
            raise ChannelFailed(f"the channel {channel} refused: {without_secrets(reason, address)[:REASON_MAX]}")

    def try_out(self, channel: str, announcement: Announcement) -> dict[str, str]:
        """Send to a channel, "" being each that has an address; return why each failed, "" where it did not."""
        names = [channel] if channel else sorted(self.addresses())
        return {name: self._failure(name, announcement) for name in names}

    def _failure(self, channel: str, announcement: Announcement) -> str:
        try:
            self.send(channel, announcement)
        except ChannelFailed as failure:
            return str(failure)
        return ""


def _notify(channel: str, address: str, announcement: Announcement) -> bool:
    try:
        platform = _platform(address)
        _name_incident(platform, announcement.thing)
        attached = _attached(announcement.picture) if announcement.picture and platform.attachment_support else None
        title = _text(address, announcement.title)
        # A platform refuses what is longer, however often it is sent.
        room = max(platform.body_maxlen - len(title) - MARKS, BODY_MIN)
        return bool(
            platform.notify(
                body=fitted(_text(address, announcement.body), room),
                title=title,
                body_format="text",
                notify_type=TYPES[announcement.severity],
                attach=attached,
            )
        )
    except ImportError:
        raise ChannelFailed("apprise is not installed: pip install -e '.[alerts]' in the checkout") from None
    except RAISED as fault:  # Its text may hold the address, so its kind alone is said.
        raise ChannelFailed(f"the channel {channel} failed: {type(fault).__name__}") from None


def _text(address: str, written: str) -> str:
    """Return a text that a platform shows and does not obey: venues and operators write parts of it."""
    for mark, inert in () if _scheme(address) in LITERAL else INERT:
        written = written.replace(mark, inert)
    return written


def fitted(text: str, characters: int) -> str:
    """Return a text of at most so many characters, without a part of its middle: the end of a notice names its alert.

    >>> fitted("what happened, in many words [key]", 20)
    'what happened,…[key]'
    """
    if len(text) <= characters:
        return text
    end = text[-min(END_MAX, characters // 4) :]
    return f"{text[: characters - len(end) - 1]}…{end}"


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower()


def _platform(address: str) -> Any:
    scheme = _scheme(address)
    if scheme not in PLATFORMS:
        return import_module("apprise").Apprise.instantiate(address, suppress_exceptions=False)
    module, name = PLATFORMS[scheme]
    platform = getattr(import_module(f"apprise.plugins.{module}"), name)
    return platform(**platform.parse_url(address))


def _name_incident(platform: Any, thing: str) -> None:
    if thing and hasattr(platform, "dedup"):
        platform.dedup, platform.action = platform.dedup or thing, "map"


def _attached(picture: bytes) -> Any:
    attachments = import_module("apprise.apprise_attachment").AppriseAttachment()
    memory = import_module("apprise.attachment.memory").AttachMemory
    attachments.add(memory(content=picture, name="equity.png", mimetype="image/png"))
    return attachments


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what apprise complains of, and keep it, and what lies below it, from every log."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3", "requests")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
    loggers[0].addHandler(handler)
    try:
        yield lines
    finally:
        loggers[0].removeHandler(handler)
        for logger, propagate in zip(loggers, before, strict=True):
            logger.propagate = propagate


def without_secrets(text: str, address: str) -> str:
    """Return a text with every part of an address blotted out.

    >>> without_secrets("no bot 1234567:abcdef, error=401", "tgram://1234567:abcdef/12")
    'no bot ***:***, error=401'
    """
    rest = address.partition("://")[2]
    parts = {part for form in (rest, unquote(rest)) for part in re.split(r"[^\w.\-~%]+", form)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= PART_MIN:
            text = text.replace(part, "***")
    return text
