"""Alerts as a run prints them: each when it begins, when a moment comes once more, and when it is over."""

from collections.abc import Iterator

from fanfold.alerts import texts
from fanfold.alerts.record import AlertRecord
from fanfold.alerts.sending import AlertStore


class AlertLines:
    """The alerts of a stage, read from where its functions store them, whatever became of them at the channels."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store
        # Of each alert how often it had come, and whether it was over, when it was printed last.
        self._printed: dict[str, tuple[int, bool]] = {}

    def news(self) -> Iterator[str]:
        """Yield a line for each alert that changed since the last look."""
        for record in self._store.all():
            count, over = self._printed.get(record.key, (0, True))
            now = record.count, bool(record.ended_s)
            self._printed[record.key] = now
            if record.lasts and now[1]:
                if not over or now[0] > count:
                    yield f"All clear: {record.title}"
            elif now[0] and (over or not record.lasts) and now != (count, over):
                yield _line(record)


def _line(record: AlertRecord) -> str:
    detail = record.text.splitlines()[0] if record.text else ""
    return f"{texts.marked(record)}: {detail}" if detail else texts.marked(record)
