"""A local run trades a desk of several venues and accounts, each account with books of its own."""

from decimal import Decimal
from pathlib import Path

from fanfold.aws.dynamodb.table import Table
from fanfold.cli import conclusion
from fanfold.cli.summary import account_books
from fanfold.deployment import STAGE
from fanfold.local import run_plan
from support.trading import replayed, trade

MINUTES = 30
DESK = """
[venues.east]
kind = "replay"
symbols = ["BTC/USDT", "ETH/USDT"]

[venues.west]
kind = "replay"
symbols = ["SOL/USDT", "BTC/USDT"]
timeframe = "5m"
"""
ACCOUNT = """
[accounts.{name}]
venue = "{venue}"
kind = "margin"
currency = "USDT"
cash = {cash}

[strategies.{name}]
strategy = "sma_cross"
params = {{ fast = 2, slow = 5 }}
instruments = ["{instrument}"]
timeframe = "{timeframe}"
allocation = 1
account = "{name}"

[limits.{name}]
order_notional_max = 100_000
position_notional_max = 100_000
"""
ACCOUNTS = [("one", "east", 10_000, "BTC/USDT", "1m"), ("two", "east", 20_000, "ETH/USDT", "5m"),
            ("three", "west", 30_000, "SOL/USDT", "5m")]  # fmt: skip


def test_each_account_trades_at_its_venue_and_its_books_balance(deployed: Path, tmp_path: Path) -> None:
    names = ("name", "venue", "cash", "instrument", "timeframe")
    accounts = [ACCOUNT.format(**dict(zip(names, account, strict=True))) for account in ACCOUNTS]
    shipped = (Path(__file__).resolve().parents[2] / "desk.toml").read_text()
    rules = shipped[shipped.index('[instruments."BTC/USDT"]') :]
    (tmp_path / "desk.toml").write_text("\n".join([DESK, *accounts, rules]))
    plan = run_plan.plan(tmp_path / "desk.toml", [], None, {}, None, None, MINUTES)
    starts = {}

    def act(desk) -> None:
        replayed(desk)
        desk.run.finish()
        _, tally = conclusion.audit(desk.run, plan.desk)
        legs = {(fill.account, fill.instrument) for fill in tally.fills}
        assert legs == {(name, instrument) for name, _, _, instrument, _ in ACCOUNTS}
        cash = {
            name: conclusion.cash_in(Table(desk.run.call, f"fanfold-{STAGE}-ledger"), name)
            for name in plan.desk.accounts
        }
        starts.update({name: account_books(plan.desk, tally, cash, [name]) for name in plan.desk.accounts})

    outcome = trade(tmp_path / "state", deployed, plan, act)
    assert outcome.balance
    assert {name: books.start for name, books in starts.items()} == {
        account[0]: Decimal(account[2]) for account in ACCOUNTS
    }
    assert all(books.balance and books.ledger_agrees for books in starts.values())
