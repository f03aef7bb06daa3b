"""The lines that a run prints of alerts: their beginnings, moments that come again, and their ends."""

from fanfold.alerts.entries import AlertChannel
from fanfold.alerts.record import Alert
from fanfold.alerts.sending import AlertSender
from fanfold.cli.alert_lines import AlertLines
from fanfold.errors import AT_ONCE
from support.memory_alerts import MemoryAlerts

NOW = 1_728_000_000


class Desk:
    """A desk with a channel that takes everything, and what its run prints."""

    def __init__(self) -> None:
        store = MemoryAlerts()
        self.lines = AlertLines(store)
        channels = {"phone": AlertChannel()}
        self.sender = AlertSender(store, channels, lambda _n: None, lambda: NOW, AT_ONCE, lambda *_line: None)

    def send(self, name: str, **fields: bool) -> list[str]:
        """Send an event of one thing, and return what is printed."""
        severity = "critical" if fields.get("lasts", True) else "info"
        alert = {"key": "a thing", "severity": severity, "title": "main is HALTED", "text": "anna: a test\nmore"}
        self.sender.send(Alert(id=name, at_s=NOW + len(name), **(alert | {"lasts": True} | fields)))  # type: ignore[arg-type]
        return list(self.lines.news())


def test_what_lasts_is_printed_once_with_its_end_and_anew_when_it_comes_back() -> None:
    desk = Desk()
    begins = ["!! main is HALTED: anna: a test"]
    assert [desk.send("1"), desk.send("22")] == [begins, []]
    assert list(desk.lines.news()) == []
    assert desk.send("333", ended=True) == ["All clear: main is HALTED"]
    assert list(desk.lines.news()) == []
    assert desk.send("4444") == begins


def test_an_end_that_nothing_began_is_not_printed() -> None:
    assert Desk().send("1", ended=True, kept=True) == []


def test_a_moment_is_printed_each_time() -> None:
    desk = Desk()
    assert [desk.send(name, lasts=False) for name in ("1", "22", "22")] == [
        ["main is HALTED: anna: a test"], ["main is HALTED: anna: a test"], []
    ]  # fmt: skip
