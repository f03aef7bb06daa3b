"""A desk with a channel tells it while it trades: real queues, the deployed roles, apprise, and a socket."""

import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fanfold.cli.recorded_run import alert_lines
from fanfold.deployment import ALERTS, STAGE
from fanfold.desk import AlertChannel
from fanfold.local.driver import DeskRun, invoke
from support.channel_stand_in import web_platform
from support.packaged_stages import template
from support.research_stage import create
from support.trading import Desk, closes, planned, trade

MINUTES = 12
CHANNEL = AlertChannel(lowest="info", fill_notional_min=Decimal(1), report=True)


def test_a_channel_hears_of_fills_and_of_a_halt_and_its_end_under_the_deployed_roles(
    deployed: Path, tmp_path: Path
) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed: run `make install`")
    plan = planned(MINUTES)
    plan = plan._replace(desk=msgspec.structs.replace(plan.desk, alerts={"hook": CHANNEL}))
    addresses, printed = tmp_path / "alerts.json", list[str]()

    def act(desk: Desk) -> None:
        create(desk.cloud.call(), f"fanfold-{ALERTS}-{STAGE}", template(ALERTS, STAGE, {}))
        closes(desk, range(plan.start, plan.until + 1, 60))
        command = {"account": "main", "reason": "a test", "actor": "anna"}
        halted = invoke(desk.run.call, "risk", "control", command | {"action": "halt", "state": "HALTED"})
        assert desk.cloud.wait_until_quiet()
        invoke(desk.run.call, "risk", "control", command | {"action": "resume", "replaces": [halted["change"]]})
        assert desk.cloud.wait_until_quiet()
        at_one = (plan.until // 86_400 + 1) * 86_400 + 3_600
        run = DeskRun(desk.cloud, desk.state, alerts=True)
        for now in (plan.until, plan.until // 900 * 900 + 900, at_one):
            run.set_clock(now)
            run.tick(now)
        printed.extend(alert_lines(run)())
        tried = invoke(desk.run.call, ALERTS, "try_out", {"channel": "hook", "title": "a test", "text": "of it"})
        assert tried == {"hook": ""}

    with web_platform() as platform:
        addresses.touch(mode=0o600)
        addresses.write_text(json.dumps({"hook": f"json://127.0.0.1:{platform.port}/desk"}))
        outcome = trade(tmp_path / "state", deployed, plan, act, AUTH="true", ALERT_ADDRESSES=str(addresses))
    titles = [arrived.json["title"] for arrived in platform.arrived]
    fills = {title for title in titles if " at " in title}
    assert 0 < len(fills) <= len(outcome.fills)
    assert titles.count("!! main is HALTED") == titles.count("All clear: main is HALTED") == titles.count("a test") == 1
    (report,) = [
        arrived.json["message"] for arrived in platform.arrived if arrived.json["title"].startswith("The desk on")
    ]
    assert "main: equity " in report
    assert "is unknown" not in report
    (missing,) = [title for title in titles if "MISSING_BARS" in title]
    assert re.fullmatch(r"main: channel BTC/USDT is MISSING_BARS, and \d+ more", missing)
    assert "All clear: main is HALTED" in printed
    assert not outcome.dead_letters
