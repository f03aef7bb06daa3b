"""A traded lake by a seed: bars with holes, orders, their reports and fills, as plain rows and as the lake's files."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pyarrow.parquet as pq

from fanfold.audit.lake_schema import TABLES, LakeRow, Type, day_of
from fanfold.aws.s3.lake import table_of
from fanfold.money import ZERO, exact

Row = dict[str, Any]
# A column's type, as DuckDB names it.
DUCKDB_TYPES: dict[Type, str] = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "timestamp": "TIMESTAMP",
    "decimal(38,18)": "DECIMAL(38,18)",
}
START = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CASH = Decimal(1_000_000)
VENUE = "sim"
# Instrument -> first price, tick, lot: one whose values have more decimals than the lake keeps.
MARKETS = {
    "BTC/USDT": (Decimal("61234.56"), Decimal("0.01"), Decimal("0.00001")),
    "PEPE/USDT": (Decimal("0.000012345678"), Decimal("0.000000000001"), Decimal("0.00000001")),
}


class LakeWorld(msgspec.Struct):
    """The rows of each table, in order of time, and the seed's dice."""

    dice: Random
    minutes: int
    bars: list[Row] = []
    signals: list[Row] = []
    orders: list[Row] = []
    trades: list[Row] = []


def world(seed: int, orders: int, minutes: int = 3_000) -> LakeWorld:
    made = LakeWorld(dice=Random(seed), minutes=minutes)
    for instrument in MARKETS:
        _bars(made, instrument)
    by_instrument = {name: [bar for bar in made.bars if bar["instrument"] == name] for name in MARKETS}
    for n in range(orders):
        _order(made, n, by_instrument)
    _keep_cash(made)
    return made


def write(made: LakeWorld, directory: Path, name: str = "day") -> None:
    """Write the rows as the lake's files, a file a day and table."""
    for table in TABLES.values():
        days = defaultdict[str, list[LakeRow]](list)
        for row in getattr(made, table.name):
            dt = day_of(row["closes_at" if table.name == "bars" else "at"])
            days[dt].append(LakeRow(table=table.name, dt=dt, values=row))
        for dt, rows in days.items():
            path = directory / table.name / f"dt={dt}" / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table_of(table, rows), path)


def _bars(made: LakeWorld, instrument: str) -> None:
    price, tick, lot = MARKETS[instrument]
    for n in range(made.minutes):
        steps = sorted(price + tick * made.dice.randint(-500, 500) for _ in range(4))
        first, last = made.dice.sample(steps, 2)
        price = last
        if made.dice.random() < 0.03:
            continue
        closes_at = START + n * MINUTE
        made.bars.append({
            "venue": VENUE, "instrument": instrument, "timeframe": "1m", "closes_at": closes_at, "open": first,
            "high": steps[-1], "low": steps[0], "close": last, "volume": lot * made.dice.randint(0, 10**8),
            "message_id": f"bars-{n}", "sent_at": closes_at + timedelta(milliseconds=made.dice.randint(1, 900)),
        })  # fmt: skip


def _order(made: LakeWorld, n: int, bars: dict[str, list[Row]]) -> None:
    dice, instrument = made.dice, made.dice.choice(list(MARKETS))
    _, tick, lot = MARKETS[instrument]
    bar = dice.choice(bars[instrument][: int(made.minutes * 0.9)])
    at, side = bar["closes_at"], dice.choice(["buy", "sell"])
    named = {"account": dice.choice(["main", "other"]), "venue": VENUE, "instance": dice.choice(["trend", "pairs"]),
             "instrument": instrument, "order_id": f"o{n:05d}", "client_order_id": f"c{n}"}  # fmt: skip
    targets_at = bar["sent_at"] + timedelta(milliseconds=dice.randint(1, 400))
    approved_at = targets_at + timedelta(milliseconds=dice.randint(1, 400))
    quantity, reference = lot * dice.randint(1, 10**6), bar["close"] + tick * dice.randint(0, 3)
    made.signals.append({
        "signal_id": f"s{n}", "account": named["account"], "instance": named["instance"], "instrument": instrument,
        "timeframe": "1m", "weight": 0.5, "at": at, "message_id": f"targets-{n}", "sent_at": targets_at,
    })  # fmt: skip
    made.orders.append(named | {
        "event_id": f"approved-{n}-0", "signal_id": f"s{n}", "state": "APPROVED", "side": side, "kind": "limit",
        "quantity": quantity, "reference_price": reference, "at": at, "message_id": f"approved-{n}",
        "decided_at": targets_at, "sent_at": approved_at,
    })  # fmt: skip
    _life(made, n, named | {"side": side}, at, quantity, reference, approved_at)


def _life(
    made: LakeWorld, n: int, named: Row, at: datetime, quantity: Decimal, price: Decimal, sent_at: datetime
) -> None:
    """Report an order open, fill it whole, in part or not at all, and end it, unless it still rests."""
    dice, (_, tick, lot) = made.dice, MARKETS[named["instrument"]]
    parts, filled, update = dice.randint(0, 3), ZERO, {name: named[name] for name in named if name != "side"}
    for part in range(parts + 1):
        sent_at += timedelta(milliseconds=dice.randint(1, 90_000))
        message = {"message_id": f"report-{n}-{part}", "sent_at": sent_at}
        state = "OPEN" if part == 0 else "PARTIAL"
        if part:
            at += timedelta(milliseconds=dice.choice([1, 30_000, 60_000, 61_234]))
            amount = quantity - filled if part == 3 else min(quantity - filled, lot * dice.randint(1, 300_000))
            filled += amount
            made.trades.append(named | message | _costs(made, amount, price + tick * dice.randint(-400, 400)) | {
                "trade_id": f"t{n}-{part}", "quantity": amount, "at": at,
            })  # fmt: skip
        if filled == quantity or (part == parts and dice.random() < 0.8):
            state = "FILLED" if filled == quantity else dice.choice(["CANCELED", "EXPIRED"])
        made.orders.append(update | message | {"event_id": f"report-{n}-{part}-0", "state": state, "at": at,
                                               "filled": filled})  # fmt: skip
        if filled == quantity:
            return


def _costs(made: LakeWorld, amount: Decimal, price: Decimal) -> Row:
    maker, cent = made.dice.random() < 0.3, Decimal("0.00000001")
    costs = {"price": price, "liquidity": "maker" if maker else "taker", "fee": cent * made.dice.randint(-10, 10**7)}
    if made.dice.random() < 0.1:
        costs["fee_base"] = (amount / 1000).quantize(cent)
    if made.dice.random() < 0.1:
        costs["fee_other"] = cent * made.dice.randint(1, 10**6)
    return costs


@exact
def _keep_cash(made: LakeWorld) -> None:
    """Give each trade the account's cash after it, and a version that counts the account's reports."""
    made.trades.sort(key=lambda row: (row["at"], row["trade_id"]))
    cash = dict.fromkeys(["main", "other"], CASH)
    for version, row in enumerate(made.trades, 1):
        value = row["price"] * row["quantity"]
        flow = -value if row["side"] == "buy" else value
        after = cash[row["account"]] + flow - row["fee"]
        cash[row["account"]] = after
        row |= {"cash": _rounded(after), "version": version}


def _rounded(amount: Decimal) -> Decimal:
    """Round half up to the lake's 18 decimals."""
    scaled = (amount.scaleb(18) + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR")
    return scaled.scaleb(-18)


rounded = exact(_rounded)
