"""The first five tasks on the page: see a trade, find why an order was refused, halt, be told, export the year."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fanfold.cli.main import main
from fanfold.deployment import ALERTS, STAGE
from fanfold.desk import AlertChannel
from support.browser import browser, opened
from support.channel_stand_in import web_platform
from support.packaged_stages import template
from support.research_stage import create
from support.served_api import served
from support.trading import Desk, planned, replayed, trade

__all__ = ["browser", "opened"]

MINUTES = 15
# Less than the largest order wants, more than the others do.
ORDER_MAX = Decimal(10_000)


def test_a_newcomer_does_five_tasks(opened, deployed: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed: run `make install`")
    plan = planned(MINUTES)
    limits = msgspec.structs.replace(plan.desk.limits["main"], order_notional_max=ORDER_MAX)
    changed = msgspec.structs.replace(plan.desk, limits={"main": limits}, alerts={"phone": AlertChannel()})
    addresses, year = tmp_path / "alerts.json", tmp_path / "2026.csv"

    def act(desk: Desk) -> None:
        create(desk.cloud.call(), f"fanfold-{ALERTS}-{STAGE}", template(ALERTS, STAGE, {}))
        replayed(desk)
        with served(desk.state, "--control") as api:
            shown = opened(f"{api.url}/")
            page = shown.page
            _see_the_trade(page)
            _find_why_an_order_was_refused(page)
            _halt(page)
            assert shown.complaints == []
        assert desk.cloud.wait_until_quiet()
        # The desk keeps the directory: a command asks the one that runs there.
        assert main(["--state", str(desk.state), "tax", "--method", "fifo", "--year", "2026", "--csv", str(year)]) == 0

    with web_platform() as platform:
        addresses.touch(mode=0o600)
        addresses.write_text(json.dumps({"phone": f"json://127.0.0.1:{platform.port}/desk"}))
        trade(
            tmp_path / "state", deployed, plan._replace(desk=changed), act, AUTH="true", ALERT_ADDRESSES=str(addresses)
        )
    assert "!! main is HALTED" in [arrived.json["title"] for arrived in platform.arrived]
    rows = list(csv.DictReader(year.read_text(encoding="utf-8").splitlines()))
    assert f"{len(rows)} disposals" in capsys.readouterr().out


def _see_the_trade(page) -> None:
    page.get_by_role("link", name="Instrument", exact=True).click()
    page.get_by_label("Instrument").select_option("SOL/USDT")
    page.get_by_role("img", name="Candles of SOL/USDT with 1 fills").wait_for()


def _find_why_an_order_was_refused(page) -> None:
    page.get_by_role("link", name="Orders", exact=True).click()
    page.get_by_label("State").select_option("refused")
    page.get_by_role("region", name="Orders").get_by_role("link").first.click()
    page.get_by_text("Risk refuses: ORDER_NOTIONAL").wait_for()
    page.get_by_role("button", name="Close").click()


def _halt(page) -> None:
    page.get_by_role("button", name="Halt", exact=True).click()
    page.get_by_label("Reason, for the audit chain").fill("I am new here")
    page.get_by_role("button", name="Halt now").click()
    page.get_by_text("HALTED: main").wait_for()
