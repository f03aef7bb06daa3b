"""Instruments written into a desk file."""

import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec

from fanfold import desk
from fanfold.console.instruments_toml import text_of, with_instruments
from fanfold.desk import Instrument

DESK = (Path(__file__).resolve().parents[2] / "desk.toml").read_text()


def instrument(tick: str) -> Instrument:
    return Instrument(
        base="BTC", quote="USDT", tick=Decimal(tick), lot=Decimal("1E-8"), notional_min=Decimal(5),
        amount_min=Decimal("0.00001"), amount_max=Decimal(9000), as_of="2026-03-01", source='binance "spot"',
    )


def test_what_is_written_reads_back():
    found = {"BTC/USDT": instrument("0.01"), "BTC/USDT:USDT": instrument("0.10")}
    tables = tomllib.loads(text_of(found), parse_float=Decimal)["instruments"]
    assert {name: msgspec.convert(table, Instrument, strict=False) for name, table in tables.items()} == found


def test_only_the_named_instruments_are_replaced():
    before, after = desk.parse(DESK), desk.parse(with_instruments(DESK, {"BTC/USDT": instrument("0.5")}))
    assert after.instruments["BTC/USDT"] == instrument("0.5")
    assert after.instruments["ETH/USDT"] == before.instruments["ETH/USDT"]
    assert (after.venues, after.accounts, after.strategies, after.limits) == (
        before.venues, before.accounts, before.strategies, before.limits,
    )


def test_writing_twice_changes_nothing():
    once = with_instruments(DESK, {"BTC/USDT": instrument("0.5")})
    assert with_instruments(once, {"BTC/USDT": instrument("0.5")}) == once
