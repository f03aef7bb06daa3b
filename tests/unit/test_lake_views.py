"""Each view over the lake says what plain Decimal arithmetic over the same rows says, in both dialects."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from fanfold.audit.lake_schema import TABLES
from fanfold.audit.lake_views import VIEWS
from fanfold.cli import sql
from fanfold.market import bars, resample
from fanfold.market.bars import Bar, Series
from fanfold.messages import Fill
from fanfold.money import ZERO, exact
from fanfold.performance.equity import equity_curve
from support.lake_world import CASH, DUCKDB_TYPES, MARKETS, START, VENUE, LakeWorld, Row, rounded, world, write

SEED, ORDERS = 7, 10_000
ENDS = {"FILLED", "CANCELED", "EXPIRED"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("lake")
    write(made(), directory)
    return directory


@cache
def made() -> LakeWorld:
    return world(SEED, ORDERS)


def rows(lake: Path, view: str) -> list[Row]:
    answer = sql.query(f"SELECT * FROM {view}", sql.files_in(lake))
    return [
        {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
         for name, value in zip(answer.columns, row, strict=True)}
        for row in answer.rows
    ]  # fmt: skip


def by(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], Row]:
    keyed = {tuple(row[name] for name in names): row for row in rows}
    assert keyed
    return keyed


def sign(row: Row) -> int:
    return 1 if row["side"] == "buy" else -1


def day(at: datetime) -> str:
    return (at - timedelta(microseconds=1)).date().isoformat()


@exact
def fees(trade: Row) -> Decimal:
    base = rounded(trade["price"] * trade.get("fee_base", ZERO))
    return trade["fee"] + base + trade.get("fee_other", ZERO)


@exact
def value(trade: Row) -> Decimal:
    return rounded(trade["price"] * trade["quantity"])


def last_close(instrument: str, by_time: datetime) -> Decimal:
    """The close of the last bar that had closed by a time."""
    return closes(instrument)[max(at for at in closes(instrument) if at <= by_time)]


@cache
def closes(instrument: str) -> dict[datetime, Decimal]:
    return {bar["closes_at"]: bar["close"] for bar in made().bars if bar["instrument"] == instrument}


def trades_of(order: Row) -> list[Row]:
    return _trades_by_order()[order["order_id"]]


@cache
def _trades_by_order() -> dict[str, list[Row]]:
    trades = defaultdict[str, list[Row]](list)
    for trade in made().trades:
        trades[trade["order_id"]].append(trade)
    return trades


def approved() -> Iterator[Row]:
    return (row for row in made().orders if row["state"] == "APPROVED")


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_columns_and_types_that_it_promises(name: str) -> None:
    described = [row[:2] for row in sql.query(f"DESCRIBE {name}", {}).rows]
    assert described == [(column, DUCKDB_TYPES[kind]) for column, (kind, _) in VIEWS[name].columns.items()]
    assert sql.query(f"SELECT * FROM {name}", {}).rows == []


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dialect", ["athena", "trino"])
def test_a_view_is_one_select_of_athena_over_tables_and_views_before_it(name: str, dialect: str) -> None:
    (statement,) = sqlglot.parse(VIEWS[name].sql, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(statement, sqlglot.exp.Select)
    assert statement.named_selects == list(VIEWS[name].columns)
    own = {part.alias for part in statement.find_all(sqlglot.exp.CTE)}
    read = {table.name for table in statement.find_all(sqlglot.exp.Table)} - own
    assert read <= {*TABLES, *list(VIEWS)[: list(VIEWS).index(name)]}


def test_the_parts_of_the_shortfall_sum_to_it_exactly(lake: Path) -> None:
    shown = rows(lake, "implementation_shortfall")
    assert len(shown) == ORDERS
    for row in shown:
        assert sum_of(row["delay"], row["trading"], row["fees"], row["opportunity"]) == row["shortfall"]


@exact
def sum_of(*amounts: Decimal) -> Decimal:
    return sum(amounts, ZERO)


def test_each_part_of_the_shortfall_is_that_of_its_prices(lake: Path) -> None:
    shown = by(rows(lake, "implementation_shortfall"), "order_id")
    ends = {row["order_id"]: row["at"] for row in made().orders if row["state"] in ENDS}
    for order in approved():
        row = shown[order["order_id"],]
        arrival = arrival_price(order["instrument"], order["at"]) or order["reference_price"]
        end = last_close(order["instrument"], ends.get(order["order_id"], datetime.max.replace(tzinfo=UTC)))
        assert (row["decision_price"], row["arrival_price"], row["end_price"]) == (
            order["reference_price"], arrival, end)  # fmt: skip
        assert [row[part] for part in ("delay", "trading", "fees", "opportunity")] == parts(order, arrival, end)


@exact
def parts(order: Row, arrival: Decimal, end: Decimal) -> list[Decimal]:
    fills, side, decision = trades_of(order), sign(order), order["reference_price"]
    filled = sum_of(*(fill["quantity"] for fill in fills))
    rest = order["quantity"] - filled
    return [
        side * (rounded(arrival * filled) - rounded(decision * filled)),
        side * (sum_of(*map(value, fills)) - rounded(arrival * filled)),
        sum_of(*map(fees, fills)),
        side * (rounded(end * rest) - rounded(decision * rest)),
    ]


def arrival_price(instrument: str, at: datetime) -> Decimal | None:
    later = (time for time in sorted(opens(instrument)) if time >= at)
    first = next(later, None)
    return opens(instrument)[first] if first else None


@cache
def opens(instrument: str) -> dict[datetime, Decimal]:
    minute = timedelta(minutes=1)
    return {bar["closes_at"] - minute: bar["open"] for bar in made().bars if bar["instrument"] == instrument}


def test_profit_by_day_is_what_positions_and_cash_gained(lake: Path) -> None:
    shown = by(rows(lake, "pnl_by_day"), "account", "instance", "instrument", "day")
    legs = {(row["account"], row["instance"], row["instrument"]) for row in made().trades}
    expected = {(*leg, day_name): pnl for leg in legs for day_name, pnl in days_of(leg)}
    assert {key: row["pnl"] for key, row in shown.items()} == expected


@exact
def days_of(leg: tuple[str, str, str]) -> list[tuple[str, Decimal]]:
    fills = [row for row in made().trades if (row["account"], row["instance"], row["instrument"]) == leg]
    ends = {day(at): price for at, price in sorted(closes(leg[2]).items())}
    position, worth, days = ZERO, ZERO, []
    for name in sorted({day(fill["at"]) for fill in fills} | {name for name in ends if name >= day(fills[0]["at"])}):
        cash = ZERO
        for fill in (fill for fill in fills if day(fill["at"]) == name):
            position += sign(fill) * fill["quantity"] - fill.get("fee_base", ZERO)
            cash -= sign(fill) * value(fill) + fill["fee"] + fill.get("fee_other", ZERO)
        before, worth = worth, rounded(position * ends[name])
        days.append((name, worth - before + cash))
    return days


def test_the_value_of_an_account_is_the_equity_of_its_fills(lake: Path) -> None:
    shown = by(rows(lake, "portfolio_value"), "account", "at")
    for account in ("main", "other"):
        fills = [fill_of(row) for row in made().trades if row["account"] == account]
        marks = defaultdict[int, dict[str, Decimal]](dict)
        for bar in made().bars:
            marks[int(bar["closes_at"].timestamp())][bar["instrument"]] = bar["close"]
        points = equity_curve(int(START.timestamp()) - 60, CASH, fills, marks).points[1:]
        first = min(fill.at for fill in fills)
        expected = {point.at: point.equity for point in points if point.at >= first.timestamp()}
        got = {at.timestamp(): row["value"] for (name, at), row in shown.items() if name == account}
        # Each of thousands of fills is rounded by less than a unit of the lake's last decimal.
        assert got == pytest.approx(expected, abs=Decimal("1e-13"))


def fill_of(row: Row) -> Fill:
    """The fill of a row, without what was charged in third currencies: no cash went for that."""
    return Fill(**{name: amount for name, amount in row.items() if name in Fill.__struct_fields__})


def test_slippage_is_against_the_decision_and_the_mean_of_the_bar(lake: Path) -> None:
    decided = by(approved(), "order_id")
    bars_by_close = by(made().bars, "instrument", "closes_at")
    shown = by(rows(lake, "slippage"), "trade_id")
    assert len(shown) == len(made().trades)
    for trade in made().trades:
        row, arrival = shown[trade["trade_id"],], decided[trade["order_id"],]["reference_price"]
        assert row["cost"] == cost_of(trade, arrival)
        assert row["arrival_bps"] == pytest.approx(bps(trade, arrival), rel=1e-9, abs=1e-9)
        bar = bars_by_close.get((trade["instrument"], bar_close(trade["at"])))
        assert row["bar_closes_at"] == bar_close(trade["at"])
        expected = bar and bps(trade, (bar["high"] + bar["low"] + bar["close"]) / 3)
        assert row["bar_bps"] == (expected if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-6))


@exact
def cost_of(trade: Row, arrival: Decimal) -> Decimal:
    return sign(trade) * (value(trade) - rounded(arrival * trade["quantity"]))


def bps(trade: Row, price: Decimal) -> float:
    return float(sign(trade) * (trade["price"] / price - 1) * 10_000)


def bar_close(at: datetime) -> datetime:
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


def test_the_effective_spread_is_twice_the_distance_from_the_price_before(lake: Path) -> None:
    shown = by(rows(lake, "effective_spread"), "trade_id")
    before = {trade["trade_id"]: closes(trade["instrument"]).get(bar_close(trade["at"]) - timedelta(minutes=1))
              for trade in made().trades}  # fmt: skip
    assert {trade_id for (trade_id,) in shown} == {name for name, price in before.items() if price is not None}
    for trade in made().trades:
        if (price := before[trade["trade_id"]]) is not None:
            row = shown[trade["trade_id"],]
            assert (row["before"], row["spread_bps"]) == (price, pytest.approx(2 * bps(trade, price), abs=1e-9))


def test_the_fill_ratio_counts_what_was_ordered_and_filled(lake: Path) -> None:
    names = ("account", "instance", "instrument")
    open_orders = {row["order_id"] for row in approved()} - {
        row["order_id"] for row in made().orders if row["state"] in ENDS}  # fmt: skip
    expected = defaultdict[tuple[str, ...], list[Decimal]](lambda: [ZERO] * 6)
    for order in approved():
        filled = sum((fill["quantity"] for fill in trades_of(order)), ZERO)
        kind = 0 if filled == order["quantity"] else 1 if filled else 2
        sums = expected[*(order[name] for name in names), order["at"].date().isoformat()]
        sums[kind] += 1
        sums[3] += order["order_id"] in open_orders
        sums[4] += order["quantity"]
        sums[5] += filled
    for key, row in by(rows(lake, "fill_ratio"), *names, "dt").items():
        columns = ("filled_whole", "filled_partly", "unfilled", "open_orders", "quantity", "filled")
        assert [row[name] for name in columns] == expected.pop(key)
        assert row["ratio"] == pytest.approx(float(row["filled"] / row["quantity"]))
    assert not expected


def test_the_hops_of_an_order_are_between_the_times_of_its_messages(lake: Path) -> None:
    bars_sent = {(bar["instrument"], bar["closes_at"]): bar["sent_at"] for bar in made().bars}
    targets_sent = {row["signal_id"]: row["sent_at"] for row in made().signals}
    reported = {row["order_id"]: row["sent_at"] for row in reversed(made().orders) if row["state"] != "APPROVED"}
    shown = by(rows(lake, "latency"), "order_id")
    assert len(shown) == ORDERS
    for order in approved():
        times = [order["at"], bars_sent[order["instrument"], order["at"]], targets_sent[order["signal_id"]],
                 order["sent_at"], reported[order["order_id"]]]  # fmt: skip
        row, hops = shown[order["order_id"],], [ms(later - earlier) for earlier, later in pairwise(times)]
        assert [row[name] for name in ("publish_ms", "signal_ms", "risk_ms", "execution_ms")] == hops
        assert row["total_ms"] == sum(hops)


def ms(length: timedelta) -> int:
    return round(length.total_seconds() * 1000)


def test_fees_are_summed_by_venue_day_and_liquidity(lake: Path) -> None:
    expected = defaultdict[tuple[str, ...], list[Decimal]](lambda: [ZERO, ZERO, ZERO])
    for trade in made().trades:
        sums = expected[trade["account"], VENUE, trade["liquidity"], day(trade["at"])]
        sums[:] = [sums[0] + 1, sum_of(sums[1], value(trade)), sum_of(sums[2], fees(trade))]
    shown = by(rows(lake, "fees_by_venue"), "account", "venue", "liquidity", "day")
    assert {key: [row["fills"], row["turnover"], row["fees"]] for key, row in shown.items()} == expected
    for row in shown.values():
        assert row["fees_bps"] == pytest.approx(10_000 * float(row["fees"] / row["turnover"]))


@pytest.mark.parametrize("instrument", MARKETS)
def test_longer_bars_are_those_that_the_desk_makes(lake: Path, instrument: str) -> None:
    shown = [row for row in rows(lake, "longer_bars") if row["instrument"] == instrument]
    series = series_of(instrument)
    for timeframe in ("5m", "15m", "30m", "1h", "4h", "1d"):
        longer = resample.resample(series, timeframe, series.bars[-1].closes_at_s)
        expected = [(bar.closes_at_s, *map(longer.price, bar[1:5]), longer.volume(bar.volume)) for bar in longer.bars]
        got = sorted(
            (int(row["closes_at"].timestamp()), *(row[name] for name in ("open", "high", "low", "close", "volume")))
            for row in shown if row["timeframe"] == timeframe
        )  # fmt: skip
        assert got == expected
    assert {row["parts"] + row["missing"] for row in shown if row["timeframe"] == "4h"} == {240}


def series_of(instrument: str) -> Series:
    """The instrument's bars in the exact integers of the desk's own series."""
    _, tick, lot = MARKETS[instrument]
    scales = [-int(step.as_tuple().exponent) for step in (tick, lot)]
    made_bars = [
        Bar(*[int(bar["closes_at"].timestamp()),
              *(int(bar[name].scaleb(scales[0])) for name in ("open", "high", "low", "close")),
              int(bar["volume"].scaleb(scales[1]))])
        for bar in made().bars if bar["instrument"] == instrument
    ]  # fmt: skip
    return bars.Series(instrument=instrument, timeframe="1m", price_scale=scales[0], volume_scale=scales[1], after=0,
                       bars=made_bars)  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_rows_that_are_there_twice_count_once(tmp_path: Path, name: str) -> None:
    small = world(3, 40, minutes=400)
    write(small, tmp_path)
    once = sorted(map(str, rows(tmp_path, name)))
    assert once
    write(small, tmp_path, "main-000000000001")
    assert sorted(map(str, rows(tmp_path, name))) == once
