"""A local run that does not come to rest says why: at once where its disk is full, else when its time is over."""

import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.cost import alerts
from fanfold.local import driver
from fanfold.local.driver import DeskRun, NotQuiet
from fanfold.local.launcher import Cloud

DAY_S = 86_400


class NeverQuiet(Cloud):
    """A cloud whose queues never run empty."""

    waits = 0

    def wait_until_quiet(self, lagging: str = "", backlog: int = 0, timeout_s: float = 120) -> bool:
        self.waits += 1
        return False


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[NeverQuiet, DeskRun]:
    monkeypatch.setattr(driver, "invoke", lambda *_: {})
    cloud = NeverQuiet(1, 1, 1)
    return cloud, DeskRun(cloud, tmp_path)


def test_a_full_disk_is_told_at_once(stuck, monkeypatch, tmp_path) -> None:
    cloud, run = stuck
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=4096))
    with pytest.raises(NotQuiet, match=f"its disk is full, free some: {tmp_path}"):
        run.tick(0)
    assert cloud.waits == 1


def test_a_run_whose_messages_never_drain_ends_with_an_error(stuck, tmp_path) -> None:
    cloud, run = stuck
    with pytest.raises(NotQuiet, match=f"in {driver.QUIET_TIMEOUT_S} s; see {tmp_path / 'logs'}"):
        run.finish()
    assert cloud.waits == driver.QUIET_TIMEOUT_S // driver.LOOK_EVERY_S


class Quiet(Cloud):
    """A cloud whose queues are empty."""

    def wait_until_quiet(self, lagging: str = "", backlog: int = 0, timeout_s: float = 120) -> bool:
        return True


def failing_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> DeskRun:
    def invoke(*_: object) -> dict[str, object]:
        raise AwsFault(kind, "fanfold-market-data-local-poll: venue market: no answer", 500)

    monkeypatch.setattr(driver, "invoke", invoke)
    return DeskRun(Quiet(1, 1, 1), tmp_path)


def test_a_poll_that_its_venue_did_not_answer_is_told_and_the_run_goes_on(monkeypatch, tmp_path) -> None:
    assert "venue market: no answer" in failing_with(monkeypatch, tmp_path, "VenueUnavailable").tick(0)


def test_a_poll_that_fails_in_any_other_way_ends_the_run(monkeypatch, tmp_path) -> None:
    with pytest.raises(AwsFault, match="KeyError"):
        failing_with(monkeypatch, tmp_path, "KeyError").tick(0)


@pytest.mark.parametrize(("step_s", "judged"), [(60, 96), (900, 96), (3_600, 24), (14_400, 6)])
def test_anomalies_and_the_daily_report_come_in_the_time_of_the_market(monkeypatch, tmp_path, step_s, judged) -> None:
    invoked: list[str] = []
    monkeypatch.setattr(driver, "invoke", lambda _call, _service, function, *_: invoked.append(function) or {})
    run = DeskRun(Quiet(1, 1, 1), tmp_path, alerts=True)
    run.set_clock(DAY_S)
    run.replay(range(DAY_S + step_s, 2 * DAY_S + 1, step_s), 0.0, lambda _now: None, lambda: False)
    counted = Counter(invoked)
    assert counted == {
        "poll": DAY_S // step_s, "follow_up": DAY_S // step_s, "anomalies": judged, "daily_report": 1
    }  # fmt: skip


def test_alerts_are_scheduled_on_a_laptop_as_in_their_stack() -> None:
    # By tests/cost these are the schedules of the stack.
    written = {"rate(15 minutes)": (900, 0), "cron(0 1 * * ? *)": (86_400, 3_600)}
    stack = {"anomalies": written[alerts.ANOMALIES], "daily_report": written[alerts.REPORT]}
    assert stack == driver.ALERT_SCHEDULES


def test_a_run_without_channels_invokes_nothing_of_alerts(monkeypatch, tmp_path) -> None:
    invoked: list[str] = []
    monkeypatch.setattr(driver, "invoke", lambda _call, _service, function, *_: invoked.append(function) or {})
    DeskRun(Quiet(1, 1, 1), tmp_path).tick(DAY_S)
    assert invoked == ["poll"]
