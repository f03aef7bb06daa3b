"""Disposals of random ledgers: CPU time of each method, and beside rp2 in the same run.

rp2 lives in the environment that `make oracle` makes. Its time is that of its engine alone, from transactions that are
read already; ours begins at the fills. Nothing is printed unless both gain the same.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from printed import table

from fanfold.accounting.books import TaxBooks
from fanfold.accounting.fill_entries import entries_of_fills
from fanfold.accounting.lots import METHODS, Method
from fanfold.accounting.rates import Rates
from fanfold.money import ZERO, exact
from fanfold.records import Fill
from oracles.ledgers import ledger
from support.tax_ledgers import entries_of, fill_of

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "build" / "oracle" / "bin" / "python"
BESIDE_RP2, EVENTS, LEDGERS = 20_000, 100_000, 10
LONG_TERM_DAYS = 365


class Taken(NamedTuple):
    """The CPU time of a computation, its rows and their gain."""

    seconds: float
    rows: int
    gain: Decimal


def main() -> None:
    """Print both tables."""
    rows = [_beside(method) for method in ("fifo", "lifo", "hifo")]
    title = f"A ledger of {BESIDE_RP2:,} events, one pool a coin, CPU s; load average {os.getloadavg()[0]:.0f}"
    table(title, ("method", "fanfold", "rp2 1.7.2", "rp2 / fanfold"), rows)
    totals = [_million(method) for method in METHODS]
    title = f"{LEDGERS} ledgers of {EVENTS:,} events without their transfers, from fills to disposals, one process"
    table(title, ("method", "fills", "CPU s", "µs a fill", "disposals"), totals)


def _beside(method: Method) -> tuple[object, ...]:
    ours, (seconds, gain) = _ours(method), _rp2(method)
    if abs(ours.gain - gain) > Decimal("1e-6"):
        sys.exit(f"{method}: fanfold gains {ours.gain}, rp2 {gain}: no time is printed")
    return method, ours.seconds, seconds, seconds / ours.seconds


def _rp2(method: Method) -> tuple[float, Decimal]:
    if not ORACLE.exists():
        sys.exit("rp2 is not installed: run `make oracle` first")
    script = ROOT / "tests" / "oracles" / "time_rp2.py"
    with TemporaryDirectory() as folder:
        # It writes a log into the folder in which it starts.
        done = subprocess.run([str(ORACLE), str(script), str(BESIDE_RP2), method], cwd=folder, capture_output=True,
                              text=True, check=True)  # fmt: skip
    answer = json.loads(done.stdout)
    return answer["taken_s"], Decimal(answer["gain"])


def _ours(method: Method) -> Taken:
    entries = list(entries_of(ledger(0, BESIDE_RP2)))
    books = TaxBooks(method, "all", LONG_TERM_DAYS)
    began = time.process_time()
    rows = list(books.book_all(entries))
    seconds = time.process_time() - began
    return Taken(seconds, len(rows), exact(lambda: sum((row.gain for row in rows), ZERO))())


def _million(method: Method) -> tuple[object, ...]:
    seconds, count, disposals = 0.0, 0, 0
    for seed in range(LEDGERS):
        fills = [fill_of(event) for event in ledger(seed, EVENTS) if event.kind != "transfer"]
        books = TaxBooks(method, "all", LONG_TERM_DAYS)
        began = time.process_time()
        rows = _booked(books, fills)
        seconds += time.process_time() - began
        count += len(fills)
        disposals += rows
    return method, count, seconds, seconds * 1e6 / count, disposals


@exact
def _booked(books: TaxBooks, fills: Sequence[Fill]) -> int:
    """Count the disposals of fills, as `fanfold tax` books them: under one context."""
    return sum(1 for _ in books.book_all(entries_of_fills(fills, Rates("USD"))))


if __name__ == "__main__":
    main()
