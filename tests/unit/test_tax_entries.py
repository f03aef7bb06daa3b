"""Fills, deposits, withdrawals and opening lots as entries of the tax books, and what the books make of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fanfold.accounting.books import Disposal, Pools, TaxBooks
from fanfold.accounting.entries import Acquired, Disposed, Entry, Moved
from fanfold.accounting.fill_entries import entries_of
from fanfold.accounting.lots import shares
from fanfold.accounting.movements import Movements, read_movements, read_opening
from fanfold.accounting.rates import Rates, read_rates
from fanfold.accounting.tax_year import disposals_until, tax_year
from fanfold.errors import BadInput
from fanfold.money import exact
from fanfold.records import Charge, Fill, Side

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = Decimal
MAIN = ("main", "other")


def fill(side: Side = "buy", *, quantity: str = "2", fee: str = "0", fee_base: str = "0",
         charges: tuple[Charge, ...] = (), account: str = "main") -> Fill:  # fmt: skip
    return Fill(trade_id="t", order_id="o", client_order_id="c", account=account, venue="v", instance="i",
                instrument="BTC/USDT", side=side, price=D(100), quantity=D(quantity), fee=D(fee),
                fee_base=D(fee_base), charges=list(charges), liquidity="taker", at=AT)  # fmt: skip


def rows(*entries: Entry, margin: tuple[str, ...] = ()) -> list[Disposal]:
    return list(TaxBooks("fifo", "account", 365, margin).book_all(entries))


def acquired(quantity: str, cost: str, hours: int = 0, account: str = "main", coin: str = "BTC") -> Acquired:
    return Acquired(at=AT + timedelta(hours=hours), account=account, coin=coin, quantity=D(quantity), cost=D(cost),
                    source=f"b{hours}")  # fmt: skip


def disposed(quantity: str, proceeds: str, hours: int = 1, account: str = "main", coin: str = "BTC") -> Disposed:
    return Disposed(at=AT + timedelta(hours=hours), account=account, coin=coin, quantity=D(quantity),
                    proceeds=D(proceeds), source=f"s{hours}")  # fmt: skip


def test_a_purchase_costs_its_fees_and_a_sale_brings_less_of_them() -> None:
    (bought,) = entries_of(fill(fee="0.3"), Rates("USDT"))
    assert (bought.quantity, bought.cost, bought.source) == (D(2), D("200.3"), "main BTC/USDT t")
    (sold,) = entries_of(fill("sell", fee="0.3"), Rates("USDT"))
    assert (sold.quantity, sold.proceeds) == (D(2), D("199.7"))


def test_a_fee_in_the_base_currency_reduces_what_is_received() -> None:
    (bought,) = entries_of(fill(fee_base="0.002"), Rates("USDT"))
    assert (bought.quantity, bought.cost) == (D("1.998"), D(200))
    (sold,) = entries_of(fill("sell", fee_base="0.002"), Rates("USDT"))
    assert (sold.quantity, sold.proceeds) == (D("2.002"), D(200))


def test_a_fee_in_a_third_coin_disposes_of_that_coin() -> None:
    charge = Charge(currency="BNB", amount=D("0.01"), value=D(6))
    trade, fee = entries_of(fill(charges=(charge,)), Rates("USDT"))
    assert (trade.cost, fee.coin, fee.quantity, fee.proceeds, fee.kind) == (D(206), "BNB", D("0.01"), D(6), "fee")
    (row,) = rows(acquired("1", "500", coin="BNB"), fee)
    assert exact(lambda: row.gain)() == D(1)


def test_a_rebate_in_a_third_coin_is_acquired_at_its_worth() -> None:
    trade, rebate = entries_of(fill("sell", charges=(Charge(currency="BNB", amount=D("-0.01"), value=D(-6)),)),
                               Rates("USDT"))  # fmt: skip
    assert (trade.proceeds, rebate.quantity, rebate.cost) == (D(206), D("0.01"), D(6))


def test_a_fee_without_a_worth_is_valued_by_the_rates_or_named() -> None:
    unvalued = fill(charges=(Charge(currency="BNB", amount=D("0.01")),))
    with pytest.raises(BadInput, match=r"trade t: its fee of 0\.01 BNB: no rate of BNB in USDT .* --rates"):
        entries_of(unvalued, Rates("USDT"))
    rates = read_rates("at,from,to,rate\n2026-02-27,BNB,USDT,500\n", "r.csv", "USDT")
    assert entries_of(unvalued, rates)[1].proceeds == D(5)


def test_everything_is_valued_in_the_tax_currency_at_its_time() -> None:
    rates = read_rates("at;from;to;rate\n2026-03-01;EUR;USDT;1.25\n2026-03-02;EUR;USDT;2\n", "r.csv", "EUR")
    (bought,) = entries_of(fill(fee="5"), rates)
    assert bought.cost == D(164)
    with pytest.raises(BadInput, match="within the 7 days before"):
        rates.worth(D(1), "USDT", AT + timedelta(days=9))


def test_a_margin_account_sells_short_and_the_purchase_that_closes_it_is_the_gain() -> None:
    closing = rows(disposed("2", "200", 1), acquired("3", "270", 2), margin=("main",))
    assert [(row.sold_short, row.proceeds, row.cost, row.term) for row in closing] == [(True, D(200), D(180), "short")]
    books = TaxBooks("fifo", "all", 365, ("main",))
    books.book(acquired("1", "90", account="other"))
    assert books.book(disposed("1", "100", 1)) == []
    assert [(lot.account, lot.quantity) for lot in books.open_lots()] == [("", D(1)), ("main", D(-1))]


def test_what_a_spot_account_sells_without_a_lot_has_no_cost_and_is_named() -> None:
    first, second = rows(acquired("1", "90"), disposed("1.5", "150"))
    assert (first.cost, first.proceeds, first.opened) == (D(90), D(100), AT)
    assert (second.cost, second.proceeds, second.opened) == (D(0), D(50), None)


def test_a_transfer_takes_its_lots_and_their_age_along() -> None:
    moved = Moved(at=AT + timedelta(hours=1), account="main", to="other", coin="BTC", quantity=D(2), source="m")
    sale = disposed("1", "100", 24 * 365, account="other")
    books = TaxBooks("fifo", "account", 365)
    (row,) = books.book_all([acquired("1", "90"), moved, sale])
    assert (row.cost, row.opened, row.term, row.account) == (D(90), AT, "long", "other")
    assert [(each.account, each.quantity) for each in books.missing] == [("main", D(1))]


def test_shares_add_up_to_the_whole() -> None:
    parts = [D(1), D(1), D(1)]
    thirds = exact(lambda: list(shares(D(100), parts, D(3))))()
    assert thirds[0] == D("33.333333333333333333")
    assert exact(sum)(thirds) == D(100)


MOVED = """at,kind,account,to,coin,quantity,fee,value,id
2026-03-02T10:00,withdrawal,main,,BTC,1,0.001,,
2026-03-02T10:40,deposit,other,,BTC,0.999,,,
2026-03-03,withdrawal,main,,ETH,2,,,0xabc
2026-03-09,deposit,wallet:cold,,ETH,1.99,,,0xabc
2026-03-04,deposit,main,,SOL,10,,1500,
2026-03-05,withdrawal,main,,SOL,1,0.1,160,
2026-03-06,deposit,main,,BTC,7,,,
2026-03-07,deposit,main,,USDT,1000,,,
2026-03-08,transfer,main,other,BTC,0.5,,,
"""


RATES = """at,from,to,rate
2026-03-01,BTC,USDT,100
2026-03-01,SOL,USDT,150
2026-03-01,ETH,USDT,2000
"""


def movements_of(text: str) -> Movements:
    return read_movements(text, "moved.csv", dict.fromkeys(MAIN, "USDT"), read_rates(RATES, "r.csv", "USDT"))


def test_a_withdrawal_and_a_deposit_are_a_transfer_by_their_id_or_their_amount() -> None:
    read = movements_of(MOVED)
    moves = [
        (entry.account, entry.to, entry.coin, entry.quantity) for entry in read.entries if isinstance(entry, Moved)
    ]
    assert moves == [("main", "other", "BTC", D("0.999")), ("main", "wallet:cold", "ETH", D("1.99")),
                     ("main", "other", "BTC", D("0.5"))]  # fmt: skip
    spent = [(entry.coin, entry.quantity, entry.proceeds, entry.kind) for entry in read.entries
             if isinstance(entry, Disposed)]  # fmt: skip
    # Of what has an id, that which did not arrive is the fee.
    assert spent == [("BTC", D("0.001"), D("0.1"), "fee"), ("ETH", D("0.01"), D(20), "fee"),
                     ("SOL", D("0.9"), D(160), "spent"), ("SOL", D("0.1"), D(15), "fee")]  # fmt: skip
    came = [(entry.coin, entry.quantity, entry.cost) for entry in read.entries if isinstance(entry, Acquired)]
    assert came == [("SOL", D(10), D(1500)), ("BTC", D(7), D(0))]
    assert [movement.row.number for movement in read.unmatched] == [8]


HEADING = "at,kind,account,to,coin,quantity,fee,value,id\n"


def test_payments_of_one_transaction_are_paired_by_their_amounts() -> None:
    sent = "2026-03-02,withdrawal,main,,BTC,1,,,x\n2026-03-02,withdrawal,main,,BTC,2,,,x\n"
    came = "2026-03-02,deposit,other,,BTC,2,,,x\n2026-03-02,deposit,wallet:a,,BTC,1,0.1,,x\n"
    moved = [(entry.to, entry.quantity) for entry in movements_of(HEADING + sent + came).entries
             if isinstance(entry, Moved)]  # fmt: skip
    assert moved == [("wallet:a", D("0.9")), ("other", D(2))]


def test_more_cannot_come_than_was_sent() -> None:
    text = f"{HEADING}2026-03-02,withdrawal,main,,BTC,1,0.1,,x\n2026-03-02,deposit,other,,BTC,1,,,x\n"
    with pytest.raises(BadInput, match=r"row 3: 1 BTC came, and 0\.9 were sent by the withdrawal in row 2"):
        movements_of(text)


@pytest.mark.parametrize("pools", ["account", "all"])
def test_a_withdrawal_without_its_other_side_takes_its_lots_away(pools: Pools) -> None:
    left = movements_of(f"{HEADING}2026-03-02,withdrawal,main,,BTC,1,,,\n")
    books = TaxBooks("fifo", pools, 365)
    (row,) = books.book_all([acquired("1", "90"), *left.entries, disposed("1", "100", 48, account="other")])
    assert (row.opened, row.cost, len(left.unmatched)) == (None, D(0), 1)


def test_an_account_s_own_currency_is_money_and_another_account_s_is_a_coin() -> None:
    places = ("main,BTC", "dear,BTC", "wallet:cold,BTC", "dear,EUR")
    text = "at,kind,account,coin,quantity,value\n" + "".join(f"2026-03-01,deposit,{place},1,900\n" for place in places)
    read = read_movements(text, "moved.csv", {"main": "USDT", "dear": "BTC"}, Rates("EUR"))
    assert [(entry.account, entry.coin) for entry in read.entries] == [("main", "BTC")]


def test_a_fee_in_the_tax_currency_disposes_of_nothing() -> None:
    rates = read_rates("at,from,to,rate\n2026-03-01,USDT,EUR,0.8\n", "r.csv", "EUR")
    (trade,) = entries_of(fill(charges=(Charge(currency="EUR", amount=D(2)),)), rates)
    assert trade.cost == D(162)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("2026-13-01,deposit,main,,BTC,1,,,", "row 2: `at` is '2026-13-01'"),
        ("2026-03-01,depsit,main,,BTC,1,,,", "did you mean `deposit`"),
        ("2026-03-01,deposit,mian,,BTC,1,,,", "did you mean `main`"),
        ("2026-03-01,deposit,main,,,1,,,", "`coin` is empty"),
        ("2026-03-01,deposit,main,,BTC,0,,,", "`quantity` is 0; it must be above zero"),
        ("2026-03-01,deposit,main,,BTC,1e,,,", "`quantity` is '1e', not an amount"),
        ("2026-03-01,deposit,main,,BTC,NaN,,,", "not an amount"),
        ("2026-03-01,withdrawal,main,,BTC,1,2,,", "more than the quantity"),
        ("2026-03-01,withdrawal,main,,BTC,1,-2,,", "`fee` is -2, below zero"),
        ("2026-03-01,withdrawal,main,,BTC,1,0.1,,", "no rate of BTC in USDT"),
        ("2026-03-01,transfer,main,,BTC,1,,,", "`to` is empty"),
        ("2026-03-01,transfer,main,main,BTC,1,,,", "from main to main"),
        ("2026-03-01,deposit,main,,BTC,1,,-5,", "`value` is -5, below zero"),
        ("2026-03-01,deposit,main,,BTC,1e-30,,,", "more than 20 whole digits or 18 decimals"),
        ("2026-03-01,deposit,main,,BTC,1e400,,,", "more than 20 whole digits or 18 decimals"),
        ("2026-03-01,deposit,main,,BTC,1,,,,9", "it has 10 fields, the heading 9"),
    ],
)
def test_a_wrong_row_is_named(row: str, named: str) -> None:
    heading = MOVED.partition("\n")[0]
    with pytest.raises(BadInput, match=r"moved\.csv, row 2: ") as wrong:
        read_movements(f"{heading}\n{row}\n", "moved.csv", dict.fromkeys(MAIN, "USDT"), Rates("USDT"))
    assert named in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [("", "lacks at"), ("at,account,coin,quantity\n", "lacks cost"), ("at,acount,coin,quantity,cost\n", "`account`")],
)
def test_a_wrong_heading_is_named(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=r"opening\.csv, row 1: ") as wrong:
        read_opening(text, "opening.csv", MAIN)
    assert named in str(wrong.value)


def test_opening_lots_come_in_order_of_time() -> None:
    text = "at,account,coin,quantity,cost\n2025-02-01,main,btc,1,90\n\n2025-01-01,main,BTC,2,100\n"
    lots = read_opening(text, "opening.csv", MAIN)
    assert [(lot.coin, lot.quantity, lot.at.month) for lot in lots] == [("BTC", D(2), 1), ("BTC", D(1), 2)]


def test_a_year_has_the_days_of_its_zone_and_its_rows_are_whole_cents() -> None:
    eve = AT.replace(month=12, day=31, hour=23)
    times = [eve + timedelta(hours=hours) for hours in (-1, 0, 1)]
    sales = [
        Disposed(at=at, account="main", coin="BTC", quantity=D(1), proceeds=D("4.005"), source="s") for at in times
    ]
    entries: list[Entry] = [acquired("3", "10"), *sales]
    report = tax_year(disposals_until(TaxBooks("fifo", "account", 365), entries, 2026, UTC), UTC)
    assert [(row.proceeds, row.cost, row.gain) for row in report.rows] == [(D("4.00"), D("3.33"), D("0.67"))] * 2
    assert report.total.gain == D("1.34")
    assert exact(lambda: report.exact_gain + report.rounding)() == report.total.gain
    following = tax_year(disposals_until(TaxBooks("fifo", "account", 365), entries, 2027, UTC), UTC)
    assert [row.day.year for row in following.rows] == [2027]
