"""A fee in neither currency of the pair: valued when it is booked, a cost everywhere, and nowhere in cash or lots."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.cli.commands.status import equity, expected_cash
from fanfold.cli.report_text import performance_lines
from fanfold.ledger import positions
from fanfold.ledger.real_money import flows_of
from fanfold.messages import Charge, ExecutionReport, Fill
from fanfold.money import CASH_STEP, exact
from fanfold.performance.equity import equity_curve
from fanfold.performance.measuring import Performance, Traded, measure
from fanfold.performance.round_trips import round_trips
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollState
from fanfold.risk.valuation import valuation
from support.core_desk import A
from support.real_world import RealWorld, laws, order

AT = datetime(2026, 3, 1, tzinfo=UTC)
START = int(AT.timestamp())
D = Decimal
CHARGES = st.lists(
    st.tuples(st.sampled_from(["BTC", "USDT", "BNB", "XYZ"]), st.decimals("-0.001", "0.01", places=5)), max_size=3
)
# The desk's own price of a third currency; of XYZ there is none.
BNB = D("601.23456789")


def fill(minute: int, *charges: Charge, buys: bool = True, quantity: str = "1", price: str = "100") -> Fill:
    names = dict.fromkeys(("order_id", "client_order_id"), f"o{minute}")
    taken = {charge.currency: charge.amount for charge in charges}
    return Fill(
        trade_id=f"t{minute}", account="main", venue="v", instance="trend", instrument=A,
        side="buy" if buys else "sell", price=D(price), quantity=D(quantity), fee=taken.get("USDT", D(0)),
        liquidity="taker", at=AT + timedelta(minutes=minute), fee_base=taken.get("BTC", D(0)), charges=list(charges),
        **names,
    )  # fmt: skip


def charge(currency: str, amount: str | Decimal, value: str | None = None) -> Charge:
    return Charge(currency=currency, amount=D(amount), value=msgspec.UNSET if value is None else D(value))


def bought(world: RealWorld) -> Fill:
    world.venue.fee_currency = "BNB"
    world.account().place(world.approve(order("a")))
    (report,) = [message for message in world.bus.messages if isinstance(message, ExecutionReport) and message.fills]
    return report.fills[0]


def measured(*fills: Fill) -> Performance:
    closes = {START + 60 * minute: {A: D(100)} for minute in range(1, 5)}
    return measure(
        Traded(accounts=["main"], currency="USDT", cash=D(1_000), instruments=[A], fills=list(fills), closes=closes),
        START,
    )


def test_a_fee_is_valued_at_what_its_currency_costs_at_the_venue_when_it_is_booked() -> None:
    world = RealWorld()
    world.venue.worths["BNB", "USDT"] = BNB
    booked = bought(world)
    (taken,) = booked.charges
    assert (taken.currency, booked.fee, booked.fee_base) == ("BNB", 0, 0)
    assert taken.value is not msgspec.UNSET
    assert 0 <= taken.value - taken.amount * BNB < CASH_STEP
    held = world.ledger.positions["main"]["trend", A].position
    assert (held.fees, held.other_fees) == (taken.value, taken.value)
    assert (held.quantity, held.cost) == (booked.quantity, booked.quantity * booked.price)
    world.heal()
    assert laws(world) == []


def test_the_days_loss_and_the_status_count_it_and_cash_still_balances() -> None:
    world = RealWorld()
    world.venue.worths["BNB", "USDT"] = BNB
    booked = bought(world)
    paid = positions.fee_of(booked)
    book = world.ledger.book_of("main", PollState())
    marks = {A: Mark(price=booked.price, closes_at_s=START)}
    value = valuation(msgspec.structs.replace(book, marks=marks))
    assert paid > 0
    assert (value.equity, value.profits["trend"]) == (10_000 - paid, -paid)
    books = world.ledger.store.books("main")
    assert books.account is not None
    assert expected_cash(D(10_000), books) == books.account.cash
    assert equity(books.account.cash, books, marks) == 10_000 - paid


def test_a_fee_of_which_no_price_is_known_is_counted_and_said() -> None:
    world = RealWorld()
    booked = bought(world)
    (unvalued,) = positions.unvalued(booked)
    assert (unvalued.currency, positions.fee_of(booked)) == ("BNB", 0)
    performance = measured(booked)
    assert performance.unvalued_fees == {"BNB": unvalued.amount}
    text = dict(line for line in performance_lines(performance) if "BNB" in line[1])
    assert text[""].startswith(f"and {unvalued.amount:f} BNB, of which no price in USDT was known")


def test_reports_have_it_in_profit_fees_round_trips_and_days() -> None:
    entry, leaving = fill(1, charge("BNB", "0.01", "6")), fill(3, charge("BNB", "0.005", "3"), buys=False, price="110")
    performance = measured(entry, leaving)
    assert (performance.fees, performance.equity, performance.unvalued_fees) == (9, 1_001, {})
    (trip,) = round_trips([entry, leaving])
    assert (trip.fees, trip.profit) == (9, 1)
    assert [part.profit for part in performance.by_strategy] == [1]
    assert sum(part.profit for part in performance.by_day) == 1


def values(draw: list[tuple[str, Decimal]]) -> list[Charge]:
    unique = dict(draw)
    return [charge(name, amount, str(amount * 600) if name == "BNB" else None) for name, amount in unique.items()]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(50, 150), CHARGES), min_size=1, max_size=15))
@exact
def test_cash_lots_and_balances_stay_exact_and_equity_is_less_by_the_worth(trades: list[Any]) -> None:
    fills = [
        fill(at, *values(charges), buys=buys, quantity=str(quantity), price=str(price))
        for at, (buys, quantity, price, charges) in enumerate(trades)
    ]
    position, mark = positions.fold(fills), D(77)
    flows = flows_of(fills, {A: ("BTC", "USDT")})
    other = sum(map(positions.other_fee, fills), D(0))
    cash = sum(map(positions.cash_flow, fills), D(0))
    # Balances: cash, coins and each third currency on its own.
    assert (flows.get("USDT", D(0)), flows.get("BTC", D(0))) == (cash, position.quantity)
    for name in ("BNB", "XYZ"):
        taken = sum((each.amount for fill in fills for each in fill.charges if each.currency == name), D(0))
        assert flows.get(name, D(0)) == -taken
    # What it cost is a fee, and no cash.
    assert position.fees == sum(map(positions.fee_of, fills), D(0))
    assert position.other_fees == other
    assert cash == position.realised - (position.fees - other) - position.cost
    curve = equity_curve(START - 60, D(0), fills, {START + 60 * 20: {A: mark}})
    assert curve.points[-1].equity == cash + position.quantity * mark - other
    assert curve.points[-1].equity == position.realised + position.unrealised(mark) - position.fees
    known = {each.currency for fill in fills for each in positions.unvalued(fill)}
    assert known <= {"XYZ"}


@pytest.mark.parametrize("change", [lambda own: own, lambda own: msgspec.structs.replace(own, value=msgspec.UNSET)])
def test_a_charge_keeps_its_worth_on_the_wire_and_none_is_no_field(change: Callable[[Charge], Charge]) -> None:
    own = change(charge("BNB", "0.01", "6"))
    encoded = msgspec.json.encode(own)
    assert msgspec.json.decode(encoded, type=Charge) == own
    assert (b"value" in encoded) == (own.value is not msgspec.UNSET)
