"""The books as beancount's text: beancount, where `make oracle` installed it, computes the same gains."""

import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fanfold.accounting.beancount_text import BeancountWriter, check_method
from fanfold.accounting.books import TaxBooks
from fanfold.accounting.entries import Acquired, Disposed, Entry
from fanfold.accounting.lots import Method
from fanfold.errors import BadInput
from fanfold.money import ZERO, exact
from oracles.ledgers import ledger
from support.tax_ledgers import entries_of

TESTS = Path(__file__).resolve().parents[1]
PYTHON = TESTS.parent / "build" / "oracle" / "bin" / "python"
D = Decimal


def at(hour: int) -> datetime:
    return datetime(2026, 3, 1, hour, tzinfo=UTC)


def bought(hour: int, quantity: str, cost: str, account: str = "main") -> Acquired:
    return Acquired(at=at(hour), account=account, coin="BTC", quantity=D(quantity), cost=D(cost), source=f"b{hour}")


def sold(hour: int, quantity: str, proceeds: str, account: str = "main") -> Disposed:
    return Disposed(at=at(hour), account=account, coin="BTC", quantity=D(quantity), proceeds=D(proceeds),
                    source=f"s{hour}")  # fmt: skip


def written(entries: list[Entry], margin: tuple[str, ...] = ()) -> list[str]:
    books = TaxBooks("fifo", "account", 365, margin)
    return list(BeancountWriter(books, "USDT", UTC).lines(entries))


def test_a_sale_names_the_lots_that_it_takes() -> None:
    assert written([bought(1, "1", "100"), bought(2, "1", "130"), sold(3, "1.5", "210")])[-5:] == [
        '2026-03-01 * "disposed of BTC" "s3"',
        '  Assets:Coins:BTC  -1 BTC {"b1"}',
        '  Assets:Coins:BTC  -0.5 BTC {"b2"}',
        "  Assets:Cash  210 USDT",
        "  Income:Gains",
    ]


def test_no_lot_has_a_cost_of_its_own_by_average() -> None:
    with pytest.raises(BadInput, match="average"):
        check_method("average")


def checked(lines: list[str], folder: Path) -> dict[str, object]:
    """Let beancount load a text without an error, and return its figures."""
    if not PYTHON.exists():
        pytest.skip("needs beancount: `make oracle` installs it")
    path = folder / "books.beancount"
    path.write_text("\n".join(lines) + "\n")
    script = TESTS / "oracles" / "beancount_gains.py"
    done = subprocess.run([str(PYTHON), str(script), str(path)], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    assert answer["errors"] == []
    return answer


@exact
def ours(books: TaxBooks, entries: list[Entry]) -> tuple[Decimal, dict[str, str]]:
    gains = sum((row.gain for row in books.book_all(entries)), ZERO)
    held: dict[str, Decimal] = {}
    for lot in books.open_lots():
        held[lot.coin] = held.get(lot.coin, ZERO) + lot.quantity
    return gains, {coin: f"{quantity.normalize():f}" for coin, quantity in held.items() if quantity}


@pytest.mark.parametrize("method", ["fifo", "lifo", "hifo"])
def test_beancount_computes_the_same_gains(method: Method, tmp_path: Path) -> None:
    for seed in range(2_000, 2_004):
        entries = list(entries_of(ledger(seed)))
        lines = BeancountWriter(TaxBooks(method, "all", 365), "USD", UTC).lines(entries)
        answer = checked(list(lines), tmp_path)
        gains, held = ours(TaxBooks(method, "all", 365), entries)
        assert abs(D(str(answer["gains"])) - gains) < D("1e-9")
        assert answer["held"] == held


def test_beancount_takes_short_sales_and_coins_without_a_lot(tmp_path: Path) -> None:
    entries: list[Entry] = [
        sold(1, "2", "200"),
        bought(2, "3", "270"),
        sold(3, "1", "80"),
        sold(4, "0.5", "10", "spot"),
    ]
    answer = checked(written(entries, margin=("main",)), tmp_path)
    gains, held = ours(TaxBooks("fifo", "account", 365, ("main",)), entries)
    assert (D(str(answer["gains"])), gains) == (D(20) - D(10) + D(10), D(20))
    assert (answer["held"], held) == ({}, {})
