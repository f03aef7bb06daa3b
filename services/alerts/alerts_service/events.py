"""The events of the queue: the messages of topics, and the notices of the alarm topic.

Those are of CloudWatch's alarms, of the daily close, and of a budget.
"""

from datetime import datetime
from hashlib import sha256

import msgspec

from fanfold.messages import Message, decode


class AlarmNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of the alarm topic: an alarm ``lasts`` until it has ``ended``, any other notice is of a moment.

    ``at_s`` is when it changed, 0 where that is not known. ``thing`` is what the notice is of, such as the name of an
    alarm, by which a later notice is known to be of it.
    """

    id: str
    thing: str
    text: str
    at_s: float = 0
    lasts: bool = False
    ended: bool = False
    cause: str = "alarm"


class _CloudWatchAlarm(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    """The fields of CloudWatch's notice that people need; it has more."""

    alarm_name: str
    alarm_description: str | None = None
    new_state_value: str
    new_state_reason: str = ""
    state_change_time: str = ""


def read_event(body: str | bytes) -> Message | AlarmNotice:
    """Return the message of a topic, or the notice of the alarm topic, that a queue delivered.

    A text that is neither a message nor CloudWatch's is a notice too: people wrote it, or a budget did. Raises
    msgspec.ValidationError for a message of an unknown kind.
    """
    text = body if isinstance(body, str) else body.decode()
    try:
        fields = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return _of_text(text)
    if isinstance(fields, dict) and "AlarmName" in fields:
        return _of_cloudwatch(msgspec.convert(fields, _CloudWatchAlarm), text)
    if isinstance(fields, str):  # EventBridge quotes the text of a rule.
        return _of_text(fields)
    return decode(text) if isinstance(fields, dict) and "type" in fields else _of_text(text)


def _of_cloudwatch(alarm: _CloudWatchAlarm, text: str) -> AlarmNotice:
    about = " ".join(filter(None, (alarm.alarm_description, alarm.new_state_reason)))
    ended = alarm.new_state_value == "OK"
    return AlarmNotice(
        id=_digest(text),
        thing=f"alarm {alarm.alarm_name}",
        text=about,
        at_s=_time_of(alarm.state_change_time),
        lasts=True,
        ended=ended,
    )


def _time_of(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:  # Not CloudWatch's own form: an alarm is told all the same, as of when it came.
        return 0


def _of_text(text: str) -> AlarmNotice:
    first = text.strip().partition("\n")[0]
    return AlarmNotice(id=_digest(text), thing=f"notice {first[:80]}", text=text.strip())


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
