"""Portfolios at any time are what the lake's view, the equity curve and the daily close say of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from audit_service import reconcile
from fanfold.accounting.portfolio import Opened, Portfolio, portfolio
from fanfold.audit.daily_report import Closing
from fanfold.cli import sql
from fanfold.cli.lake_closes import closes_before
from fanfold.cli.reading import recorded_fills
from fanfold.errors import BadInput
from fanfold.ledger import positions
from fanfold.money import ZERO, exact
from fanfold.records import Charge, Fill
from support.lake_world import CASH, START, LakeWorld, world, write

ACCOUNTS = ("main", "other")
D = Decimal


@pytest.fixture(scope="module")
def made() -> LakeWorld:
    return world(11, 400)


@pytest.fixture(scope="module")
def lake(made: LakeWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write(made, folder)
    return folder


def fills_of(made: LakeWorld) -> list[Fill]:
    rows = sorted(made.trades, key=lambda row: row["at"])
    return [Fill(**{name: row[name] for name in Fill.__struct_fields__ if name in row}) for row in rows]


def held(made: LakeWorld, lake: Path, at: datetime) -> Portfolio:
    opened = {name: Opened(currency="USDT", cash=CASH) for name in ACCOUNTS}
    return portfolio(fills_of(made), opened, closes_before(lake, at), at)


def test_the_equity_of_accounts_is_the_view_of_the_lake(made: LakeWorld, lake: Path) -> None:
    rows = sql.query("SELECT account, at, value FROM portfolio_value ORDER BY at", sql.files_in(lake)).rows
    chosen = rows[:: len(rows) // 12]
    assert {account for account, _, _ in chosen} == set(ACCOUNTS)
    for account, at, value in chosen:
        got = {valued.name: valued.equity for valued in held(made, lake, at.replace(tzinfo=UTC)).accounts}
        # Each of hundreds of fills is rounded by less than a unit of the lake's last decimal.
        assert got[account] == pytest.approx(value, abs=D("1e-14"))


def test_cash_and_positions_at_the_end_of_a_day_are_those_of_its_close(made: LakeWorld, lake: Path) -> None:
    """The close counts days by the date of a fill: one at midnight is of the day that begins."""
    fills = fills_of(made)
    for day in sorted({fill.at.date() for fill in fills}):
        last = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
        got = held(made, lake, last)
        for account in ACCOUNTS:
            until = [fill for fill in fills if fill.account == account and fill.at <= last]
            closing = reconcile._closing(Closing(day="", cash=CASH, held={}), day.isoformat(), [until])
            (valued,) = [each for each in got.accounts if each.name == account]
            legs = [each for each in got.positions if each.account == account and each.quantity]
            assert valued.cash == closing.cash
            assert {f"{leg.instance} {leg.instrument}": leg.quantity for leg in legs} == closing.held


@exact
def test_results_add_up_to_the_equity(made: LakeWorld, lake: Path) -> None:
    got = held(made, lake, START + timedelta(days=1))
    for valued in got.accounts:
        assert valued.equity == CASH + valued.realised + valued.unrealised - valued.fees
        own = [strategy for strategy in got.strategies if strategy.account == valued.name]
        for name in ("value", "cost", "unrealised", "realised", "fees"):
            assert getattr(valued, name) == sum((getattr(strategy, name) for strategy in own), ZERO)
        assert valued.equity == CASH + sum((strategy.equity for strategy in own), ZERO)


def bought(instance: str, at: datetime) -> Fill:
    return Fill(trade_id="t", order_id="o", client_order_id="c", account="main", venue="v", instance=instance,
                instrument="BTC/USDT", side="buy", price=D(100), quantity=D(2), fee=D(0), liquidity="taker", at=at,
                charges=[Charge(currency="BNB", amount=D("0.01"), value=D(6))])  # fmt: skip


def test_a_strategy_that_is_named_as_its_account_has_not_the_cash_of_that() -> None:
    opened = {"main": Opened(currency="USDT", cash=D(1000))}
    (valued,) = portfolio([bought("main", START)], opened, {}, START).strategies
    assert (valued.cash, valued.equity) == (D(-200), D(-6))


def test_a_position_without_a_close_is_worth_its_last_price_and_a_third_fee_is_no_cash() -> None:
    at = START + timedelta(minutes=1)
    fill = bought("i", at)
    opened = {"main": Opened(currency="USDT", cash=D(1000))}
    (valued,) = portfolio([fill], opened, {}, at).accounts
    assert (valued.cash, valued.value, valued.fees, valued.equity) == (D(800), D(200), D(6), D(994))
    assert positions.other_fee(fill) == D(6)
    assert portfolio([fill], opened, {("v", "BTC/USDT"): D(90)}, at).positions[0].unrealised == D(-20)
    assert portfolio([fill], opened, {}, START).positions == []


class Log:
    """A log of one account; see fanfold.cli.reading.recorded_fills for what is asked of its session."""

    def __init__(self, *bodies: bytes) -> None:
        self.log, self.bodies = self, bodies

    def segments(self, stream: str) -> list[tuple[str, bytes]]:
        return [(stream, body) for body in self.bodies]


def test_each_recorded_fill_comes_once_in_order_of_time_and_damage_is_named(made: LakeWorld) -> None:
    first, second = sorted((fill for fill in fills_of(made) if fill.account == "main"), key=lambda fill: fill.at)[:2]
    late, early = (msgspec.json.encode({"message": {"fills": [fill]}}) for fill in (second, first))
    others = b'{"message": {"orders": []}}'
    assert recorded_fills(Log(late + b"\n" + others, early, late), ["main"]) == [first, second]  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"the log of main has a record that cannot be read: .* `fanfold audit verify`"):
        recorded_fills(Log(early[:-9]), ["main"])  # type: ignore[arg-type]
