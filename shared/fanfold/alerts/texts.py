"""The texts of notices: a title of one line, and a body."""

from datetime import UTC, datetime

from fanfold.alerts.record import AlertRecord, Notice

_MARKS = {"info": "", "warning": "! ", "critical": "!! "}


def title(notice: Notice) -> str:
    """Return the line that a phone shows."""
    record = notice.record
    if notice.kind == "all clear":
        return f"All clear: {record.title}"
    return marked(record) + (" (over)" if notice.kind == "over" else "")


def marked(record: AlertRecord) -> str:
    """Return an alert's title, with a sign for each step of its severity."""
    return f"{_MARKS[record.severity]}{record.title}"


def body(notice: Notice) -> str:
    """Return the text, with the times, and with how many events it stands for."""
    record = notice.record
    lines = [record.text] if notice.kind != "all clear" else []
    if notice.kind in ("all clear", "over") and record.ended_s:
        lines.append(f"From {_at(record.first_s)} to {_at(record.ended_s)}, {_length(record)}.")
    more = notice.heard - record.deliveries[notice.channel].delivered
    if more > 1:
        lines.append(f"{more} times, the last at {_at(record.last_s)}.")
    elif not record.ended_s:
        lines.append(f"At {_at(record.last_s)}.")
    return "\n".join([*lines, f"[{record.key}]"])


def _at(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _length(record: AlertRecord) -> str:
    seconds = int(record.ended_s - record.first_s)
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
