"""Views where a fill is reported late, and where earlier days have only the longer bars of a warm-up."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from fanfold.cli import sql
from support.lake_world import CASH, MINUTE, START, VENUE, LakeWorld, Row, world, write

HOUR = timedelta(hours=1)
MIDNIGHT = 180  # The minute of the world at which its first day ends.


def rows(directory: Path, view: str) -> list[Row]:
    answer = sql.query(f"SELECT * FROM {view}", sql.files_in(directory))
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.mark.parametrize("view", ["slippage", "effective_spread"])
def test_a_fill_is_one_row_where_earlier_days_have_longer_bars_alone(tmp_path: Path, view: str) -> None:
    made = world(3, 40, minutes=400)
    write(made, tmp_path)
    once = sorted(map(str, rows(tmp_path, view)))
    assert once
    # As a strategy on hours asks for when it starts.
    hours = [made.bars[0] | {"timeframe": "1h", "closes_at": START - n * HOUR} for n in range(24, 48)]
    write(LakeWorld(dice=Random(0), minutes=0, bars=hours), tmp_path, "warm-up")
    assert sorted(map(str, rows(tmp_path, view))) == once


@pytest.mark.parametrize("view", ["longer_bars", "pnl_by_day"])
def test_the_hour_that_closes_at_the_midnight_before_the_minutes_is_of_the_day_before(
    tmp_path: Path, view: str
) -> None:
    hours = [_bar(MIDNIGHT + 60 * n) | {"timeframe": "1h"} for n in range(-8, 1)]
    hours[-1] |= {"close": Decimal(90), "low": Decimal(90)}
    minutes = [_bar(MIDNIGHT + n) for n in range(1, 6)]
    bought = _trade(20, 1) | {"cash": CASH - 101, "version": 1}
    write(LakeWorld(dice=Random(0), minutes=0, bars=[*hours, *minutes], trades=[bought]), tmp_path)
    if view == "pnl_by_day":
        assert [row["pnl"] for row in rows(tmp_path, view) if row["day"] == "2026-01-30"] == [-11]
    else:
        last = max((row for row in rows(tmp_path, view) if row["timeframe"] == "4h"), key=lambda row: row["closes_at"])
        assert [last[name] for name in ("day", "close", "volume", "parts", "missing")] == ["2026-01-30", 90, 36, 4, 0]


def test_minutes_of_a_day_leave_out_an_hour_though_the_last_of_them_is_missing(tmp_path: Path) -> None:
    minutes = [_bar(MIDNIGHT + n) for n in range(-239, 0)]
    write(LakeWorld(dice=Random(0), minutes=0, bars=[*minutes, _bar(MIDNIGHT) | {"timeframe": "1h"},
                                                     _bar(MIDNIGHT + 1)]), tmp_path)  # fmt: skip
    (last,) = [row for row in rows(tmp_path, "longer_bars") if row["timeframe"] == "4h"]
    assert [last[name] for name in ("volume", "parts", "missing")] == [9 * 239, 239, 1]


def test_a_fill_that_is_reported_late_changes_cash_from_its_own_time_on(tmp_path: Path) -> None:
    # Bought at minutes 2 and 4; the purchase of minute 3 is reported last, and none of it is in the report before.
    reported = [(2, 1, 1), (4, 1, 2), (3, 5, 3)]
    cash, trades = CASH, []
    for minute, quantity, version in reported:
        cash -= 100 * quantity + 1
        trades.append(_trade(minute, quantity) | {"cash": cash, "version": version})
    write(LakeWorld(dice=Random(0), minutes=0, bars=[_bar(n) for n in range(1, 7)], trades=trades), tmp_path)
    shown = sorted((row["at"], row["cash"], row["value"]) for row in rows(tmp_path, "portfolio_value"))
    assert [spent for _, after, _ in shown for spent in [CASH - after]] == [101, 602, 703, 703, 703]
    assert [CASH - value for _, _, value in shown] == [1, 2, 3, 3, 3]


def test_a_deposit_counts_from_the_next_report_on(tmp_path: Path) -> None:
    trades = [_trade(2, 1) | {"cash": CASH - 101, "version": 1}, _trade(4, 1) | {"cash": CASH + 298, "version": 3}]
    write(LakeWorld(dice=Random(0), minutes=0, bars=[_bar(n) for n in range(1, 6)], trades=trades), tmp_path)
    shown = sorted((row["at"], row["cash"] - CASH) for row in rows(tmp_path, "portfolio_value"))
    assert [gain for _, gain in shown] == [-101, -101, 298, 298]


def test_what_was_charged_in_a_third_currency_takes_no_cash(tmp_path: Path) -> None:
    trades = [_trade(n, 1) | {"fee_other": Decimal(7), "cash": CASH - 101 * n, "version": n} for n in (1, 2)]
    write(LakeWorld(dice=Random(0), minutes=0, bars=[_bar(n) for n in range(1, 4)], trades=trades), tmp_path)
    assert [row["cash"] for row in sorted(rows(tmp_path, "portfolio_value"), key=lambda row: row["at"])] == [
        CASH - 101, CASH - 202, CASH - 202]  # fmt: skip
    assert [row["fees_other"] for row in rows(tmp_path, "fills")] == [7, 7]


def _bar(minute: int) -> Row:
    at = START + minute * MINUTE
    prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(100))
    return prices | {"venue": VENUE, "instrument": "BTC/USDT", "timeframe": "1m", "closes_at": at,
                     "volume": Decimal(9), "message_id": f"bars-{minute}", "sent_at": at}  # fmt: skip


def _trade(minute: int, quantity: int) -> Row:
    at = START + minute * MINUTE
    return {"trade_id": f"t{minute}", "order_id": f"o{minute}", "client_order_id": "", "account": "main",
            "venue": VENUE, "instance": "trend", "instrument": "BTC/USDT", "side": "buy", "price": Decimal(100),
            "quantity": Decimal(quantity), "fee": Decimal(1), "liquidity": "taker", "at": at,
            "message_id": f"report-{minute}", "sent_at": at}  # fmt: skip
