"""Instruments written into a desk file."""

import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fanfold import desk
from fanfold.cli.instruments_toml import text_of, with_instruments
from fanfold.desk import Instrument
from fanfold.errors import BadInput

DESK = (Path(__file__).resolve().parents[2] / "desk.toml").read_text()


def instrument(tick: str) -> Instrument:
    return Instrument(
        base="BTC",
        quote="USDT",
        tick=Decimal(tick),
        lot=Decimal("1E-8"),
        notional_min=Decimal(5),
        amount_min=Decimal("0.00001"),
        amount_max=Decimal(9000),
        as_of="2026-03-01",
        source='binance "spot"',
    )


def test_written_instruments_are_read_back():
    instruments = {"BTC/USDT": instrument("0.01"), "BTC/USDT:USDT": instrument("0.10")}
    tables = tomllib.loads(text_of(instruments), parse_float=Decimal)["instruments"]
    assert {name: msgspec.convert(table, Instrument, strict=False) for name, table in tables.items()} == instruments


def test_only_the_named_instruments_are_replaced():
    before, after = desk.parse(DESK), desk.parse(with_instruments(DESK, {"BTC/USDT": instrument("0.5")}))
    assert after.instruments["BTC/USDT"] == instrument("0.5")
    assert after.instruments["ETH/USDT"] == before.instruments["ETH/USDT"]
    assert (after.venues, after.accounts, after.strategies, after.limits) == (
        before.venues,
        before.accounts,
        before.strategies,
        before.limits,
    )


def test_writing_twice_changes_nothing():
    once = with_instruments(DESK, {"BTC/USDT": instrument("0.5")})
    assert with_instruments(once, {"BTC/USDT": instrument("0.5")}) == once


COMMENTED = """# My desk
[instruments."BTC/USDT"] # the coin
# taken by hand
base = "BTC"   # of course
quote = 'USDT'
tick = 0.01 # coarse
lot = 1e-8
notional_min = 5
amount_min = 1e-5
as_of = "2026-01-01"
source = "x"
# about ETH
[instruments."ETH/USDT"]
base = "ETH"
# the end
"""


def test_comments_order_and_what_says_the_same_stay_as_they_were_written():
    after = with_instruments(COMMENTED, {"BTC/USDT": instrument("0.5")})
    kept = [line for line in COMMENTED.splitlines() if not line.startswith(("tick", "as_of", "source"))]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert "tick = 0.5 # coarse" in after
    assert "amount_max = 9000" in after
    assert tomllib.loads(after)["instruments"]["ETH/USDT"] == {"base": "ETH"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "[instruments]\n",
        'instruments."BTC/USDT".base = "BTC"\n',
        '[instruments]\n"BTC/USDT" = { base = "ETH", tick = 1 } # in line\n',
        '[instruments."SOL/USDT"]\nbase = "SOL"\r\n',
    ],
)
def test_instruments_are_put_into_whatever_tables_there_are(text):
    instruments = {"BTC/USDT": instrument("0.5"), "A/B": instrument("0.1")}
    tables = tomllib.loads(with_instruments(text, instruments), parse_float=Decimal)["instruments"]
    assert {name: msgspec.convert(tables[name], Instrument, strict=False) for name in instruments} == instruments


@pytest.mark.parametrize("text", ["instruments = 7\n", "[[instruments]]\nbase = 1\n", "= 1\n"])
def test_a_text_that_has_no_place_for_them_is_refused(text):
    with pytest.raises(BadInput, match="cannot be written into the desk file"):
        with_instruments(text, {"BTC/USDT": instrument("0.5")})
