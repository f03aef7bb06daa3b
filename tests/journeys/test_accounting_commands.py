"""`fanfold tax` and `fanfold portfolio` against a desk that traded, in text, JSON and files."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import python_calamine

from fanfold.accounting.tax_year import ROW_COLUMNS
from fanfold.accounting.tracker_files import COINLEDGER, COINTRACKING, KOINLY
from support.desk_fixture import MINUTES, START

D = Decimal


def at(minute: int) -> str:
    return datetime.fromtimestamp(START + 60 * minute, UTC).isoformat()


def test_the_portfolio_at_the_end_is_what_positions_and_status_say(fanfold):
    now, then = (fanfold("portfolio", *words, "--json").document for words in ((), ("--at", at(MINUTES))))
    assert now == then
    named = {(row["instance"], row["instrument"]): row for row in now["positions"]}
    rows = fanfold("positions", "--json").document["positions"]
    assert len(rows) == len(named) > 0
    for row in rows:
        own = named[row["instance"], row["instrument"]]
        for name in ("quantity", "cost", "value", "unrealised", "realised", "fees"):
            assert D(own[name]) == D(row[name]), name
    (main_account,) = now["accounts"]
    (status,) = fanfold("status", "--json").document["accounts"]
    assert [D(main_account[name]) for name in ("cash", "equity")] == [D(status[name]) for name in ("cash", "equity")]


def test_the_portfolio_is_what_the_report_and_the_lake_say_of_strategies_and_of_every_minute(fanfold):
    (whole,) = fanfold("report", "--json").document["performance"]
    parts = {part["name"]: D(part["profit"]) for part in whole["by_strategy"]}
    assert {row["name"]: D(row["equity"]) for row in fanfold("portfolio", "--json").document["strategies"]} == parts
    values = fanfold("query", "SELECT at, value FROM portfolio_value ORDER BY at", "--flush", "--json").document["rows"]
    for row in values[:: len(values) // 5]:
        said = fanfold("portfolio", "--at", row["at"], "--json").document
        assert D(said["accounts"][0]["equity"]) == D(row["value"])


def test_the_portfolio_before_the_first_fill_is_the_cash(fanfold):
    said = fanfold("portfolio", "--at", "2020-01-01")
    assert (said.code, "nothing had been traded" in said.out) == (0, True)


def test_the_portfolio_is_valued_in_another_currency_by_rates(fanfold, tmp_path):
    assert "needs --rates" in fanfold("portfolio", "--currency", "EUR").err
    assert "--rates needs --currency" in fanfold("portfolio", "--rates", "rates.csv").err
    rates = tmp_path / "rates.csv"
    rates.write_text(f"at,from,to,rate\n{at(0)},USDT,EUR,0.8\n")
    answer = fanfold("portfolio", "--currency", "eur", "--rates", str(rates), "--json").document
    assert D(answer["total"]) == D(answer["accounts"][0]["equity"]) * D("0.8")


def test_the_year_has_the_cash_that_moved_less_what_is_held(fanfold):
    """Gains of all disposals are what the account's cash grew by, with the costs of what is still held."""
    said = fanfold("tax", "--year", "2026", "--json")
    assert (said.code, said.document["problems"]) == (0, [])
    (account,) = fanfold("portfolio", "--json").document["accounts"]
    held = sum((D(lot["cost"]) for lot in said.document["held"]), D(0))
    assert D(said.document["exact_gain"]) == D(account["cash"]) + held - D(10_000)
    assert said.document["total"]["disposals"] == len(said.document["disposals"]) > 0


@pytest.mark.parametrize("method", ["fifo", "lifo", "hifo", "average"])
def test_every_method_says_the_year_for_people(fanfold, method):
    said = fanfold("tax", "--year", "2026", "--method", method)
    assert said.code == 0
    assert f"2026 (UTC) by {method}, lots of each account, in USDT" in said.out
    assert "on paper, so no real trades: main" in said.out
    assert max(map(len, said.out.splitlines()[1:])) <= 130


def test_files_have_every_disposal(fanfold, tmp_path):
    table, book = tmp_path / "tax.csv", tmp_path / "tax.xlsx"
    answer = fanfold("tax", "--year", "2026", "--csv", str(table), "--xlsx", str(book), "--json").document
    rows = list(csv.DictReader(table.open()))
    assert [row["gain"] for row in rows] == [row["gain"] for row in answer["disposals"]]
    sheets = python_calamine.CalamineWorkbook.from_path(book)
    disposals = sheets.get_sheet_by_name("Disposals").to_python()
    assert tuple(disposals[0]) == ROW_COLUMNS
    assert [f"{row[7]:.2f}" for row in disposals[1:]] == [row["gain"] for row in rows]
    assert len(sheets.get_sheet_by_name("Held").to_python()) == len(answer["held"]) + 1
    assert sheets.get_sheet_by_name("Sums").to_python()[-1][0] == "total"


@pytest.mark.parametrize(
    ("layout", "heading"), [("koinly", KOINLY), ("cointracking", COINTRACKING), ("coinledger", COINLEDGER)]
)
def test_a_tracker_gets_every_fill(fanfold, tmp_path, layout, heading):
    path = tmp_path / "tracker.csv"
    assert fanfold("tax", "--year", "2026", "--csv", str(path), "--layout", layout).code == 0
    rows = list(csv.reader(path.open()))
    assert tuple(rows[0]) == heading
    assert len(rows) - 1 == len(fanfold("trades", "--all", "--json").document["trades"]) > 0


def test_opening_lots_and_movements_count_and_what_lacks_a_side_fails(fanfold, tmp_path):
    opening, moved = tmp_path / "opening.csv", tmp_path / "moved.csv"
    opening.write_text("at,account,coin,quantity,cost\n2020-01-01,main,DOGE,100,5\n")
    moved.write_text(f"at,kind,account,coin,quantity,value\n{at(9)},withdrawal,main,DOGE,60,7\n")
    words = ("tax", "--year", "2026", "--opening", str(opening), "--movements", str(moved))
    sold = next(row for row in fanfold(*words, "--json").document["disposals"] if row["coin"] == "DOGE")
    assert (sold["gain"], sold["term"], sold["kind"]) == ("4.00", "long", "spent")
    moved.write_text(f"at,kind,account,coin,quantity\n{at(9)},withdrawal,main,DOGE,160\n")
    said = fanfold(*words)
    assert said.code == 1
    assert f"NO OTHER SIDE: {moved}, row 2: withdrawal of 160 DOGE" in said.out
    assert "NO LOT: 60 DOGE left main" in said.out


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--year", "2019"), 3, "nothing was traded in 2019; the fills are from 2026-03-01 to 2026-03-01"),
        (("--year", "soon"), 2, "'soon' is not a year"),
        (("--year", "2026", "--currency", "EUR"), 2, "needs --rates FILE with rates of USDT"),
        (("--year", "2026", "--rates", "nowhere.csv"), 2, "nowhere.csv cannot be read"),
        (("--year", "2026", "--zone", "Mars/Phobos"), 2, "not a time zone"),
        (("--year", "2026", "--layout", "koinly"), 2, "name the file with --csv"),
        (("--year", "2026", "--method", "average", "--beancount", "x"), 2, "does not book by average cost"),
        (("--year", "2026", "--account", "none"), 2, "account 'none' is not in the desk"),
        (("--year", "2026", "--csv", "no/such/folder/tax.csv"), 2, "no/such/folder/tax.csv"),
    ],
)
def test_wrong_input_is_named(fanfold, words, code, named):
    said = fanfold("tax", *words)
    assert (said.code, said.out) == (code, "")
    assert named in said.err


def test_beancount_text_has_every_lot(fanfold, tmp_path: Path):
    path = tmp_path / "books.beancount"
    answer = fanfold("tax", "--year", "2026", "--beancount", str(path), "--json").document
    text = path.read_text()
    assert text.count("Income:Gains\n") > 1
    assert all(f'"{row["lot"]}"' in text for row in answer["disposals"])
