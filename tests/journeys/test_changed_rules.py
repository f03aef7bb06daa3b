"""The exchange makes tick and lot of an instrument ten times as large during a run: orders after that are accepted."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli.main import main
from support.storm_desk import storm_desk

INSTANCES = 2
MINUTES = 16


def test_orders_after_the_change_keep_to_the_new_rules_and_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The role of a stage with a real venue lets execution read its key; that of the local stage does not.
    monkeypatch.setenv("RECORD_CALLS", "")
    state = ["--state", str(tmp_path / "state")]
    options = ["--exchange", "box", "--faults", "precision_change", "--seed", "9", "--minutes", str(MINUTES)]
    assert main(["run", *options, *storm_desk(tmp_path, INSTANCES), *state]) == 0
    assert "1 injected: 1 precision change" in capsys.readouterr().out
    assert main([*state, "status"]) == 0
    changed = re.search(r"venue rules +market has for (\S+) tick \S+ .*?, lot (\S+) where", capsys.readouterr().out)
    assert changed is not None
    instrument, lot = changed[1], Decimal(changed[2])
    assert main([*state, "--json", "orders", "--last", "0", "--instrument", instrument]) == 0
    orders: list[dict[str, Any]] = sorted(
        json.loads(capsys.readouterr().out)["orders"], key=lambda order: order["decided_at"]
    )
    refused = [number for number, order in enumerate(orders) if order["state"] == "REJECTED"]
    assert 0 < len(refused) <= INSTANCES
    after = [order for order in orders[refused[-1] + 1 :] if order["state"] != "REFUSED"]
    assert len(after) > MINUTES / 2
    assert [order for order in after if Decimal(order["quantity"]) % lot] == []
    assert {order["state"] for order in after} == {"FILLED"}
