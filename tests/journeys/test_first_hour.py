"""The page of the first hour, run as a reader runs it: on a CSV as a vendor sells it, in an empty directory."""

import json
import os
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from fanfold.simulation import market
from support.desk_fixture import ROOT, skip_without_node

PAGE = ROOT / "docs" / "first-hour.md"
SET_UP = ["git clone REPOSITORY fanfold && cd fanfold", "make install", ". .venv/bin/activate"]
COMMANDS_MAX = 12
HOURS = 24 * 20
START = 1_767_225_600


def commands() -> list[str]:
    return [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()
    ]


def write_bars(path: Path) -> None:
    """Write hourly bars as CryptoDataDownload does: an address first, the newest bar first, two volumes."""
    (series,) = market.market(11, ["BTC/USDT"], HOURS, START)
    rows = []
    for number, bar in enumerate(series.bars):
        prices = [Decimal(price).scaleb(-series.price_scale) for price in (bar.open, bar.high, bar.low, bar.close)]
        volume = Decimal(bar.volume).scaleb(-series.volume_scale)
        cells = [(START + number * 3600) * 1000, "BTCUSDT", *prices, volume, volume * prices[-1], 1]
        rows.append(",".join(map(str, cells)))
    header = "unix,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount"
    path.write_text("\n".join(["https://www.CryptoDataDownload.com", header, *rows[::-1]]) + "\n")


class Reader:
    """A reader at a terminal, who changes directories and runs commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, line: str) -> str:
        """Run the commands of a line; return what they printed."""
        printed = ""
        for command in line.split(" && "):
            words = shlex.split(command)
            if words[0] == "cd":
                self.directory /= words[1]
            else:
                assert words[0] == "fanfold", command
                printed += self._fanfold(words[1:])
        return printed

    def first_order(self) -> str:
        """Return the first letters of an order's id."""
        order: str = json.loads(self.run("fanfold orders --json"))["orders"][0]["order_id"]
        return order[:8]

    def _fanfold(self, words: list[str]) -> str:
        environ = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
        command = [sys.executable, "-m", "fanfold.cli.entry", *words]
        done = subprocess.run(command, cwd=self.directory, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, str]:
    """The output of each command of the page, by its line."""
    skip_without_node()
    reader, outputs = Reader(tmp_path_factory.mktemp("reader")), {}
    for line in commands()[len(SET_UP) :]:
        order = reader.first_order() if "ORDER" in line else ""
        outputs[line.split()[1]] = reader.run(line.replace("ORDER", order))
        if " init " in line:
            write_bars(reader.directory / "BTCUSDT-1h.csv")
    return outputs


def test_the_page_has_at_most_twelve_commands_and_begins_with_the_set_up():
    assert len(commands()) <= COMMANDS_MAX
    assert commands()[: len(SET_UP)] == SET_UP


def test_every_command_of_the_page_succeeds_and_answers(printed):
    assert f"{HOURS} bars" in printed["data"]
    assert "round trips" in printed["run"]
    assert "total" in printed["report"]
    assert "BTC/USDT" in printed["trades"]
    assert "because my_rsi wanted weight 1.0 on 1h bars" in printed["why"]
    assert "buy" in printed["query"]
