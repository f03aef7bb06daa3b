from decimal import Decimal, localcontext
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.ledger import positions
from fanfold.ledger.positions import FLAT, Lot, apply, cash_flow, fold
from fanfold.ledger.real_money import flows_of
from fanfold.messages import Charge, Fill
from fanfold.money import EXACT
from support.paper_examples import fill

# Few prices, so that lots of equal price meet.
PRICES = st.one_of(st.sampled_from(["99.5", "100"]), st.decimals("0.00000001", 10**6, places=8).map(str))
FILLS = st.lists(
    st.builds(
        fill,
        side=st.sampled_from(["buy", "sell"]),
        quantity=st.one_of(st.sampled_from(["1", "2"]), st.decimals("0.00000001", 10**6, places=8).map(str)),
        price=PRICES,
        fee=st.decimals(0, 100, places=8).map(str),
    ),
    max_size=30,
)


def lots(*pairs: tuple[str, str]) -> tuple[Lot, ...]:
    return tuple(Lot(Decimal(quantity), Decimal(price)) for quantity, price in pairs)


def test_a_sale_takes_the_oldest_lots_first() -> None:
    held = fold([fill("buy", "2", "100"), fill("buy", "2", "110"), fill("sell", "3", "120")])
    assert held.lots == lots(("1", "110"))
    assert held.realised == Decimal(50)


def test_a_sale_of_all_leaves_a_flat_position() -> None:
    flat = fold([fill("buy", "2", "100"), fill("sell", "2", "90", fee="1")])
    assert (flat.lots, flat.quantity, flat.cost) == ((), Decimal(0), Decimal(0))
    assert (flat.realised, flat.fees, flat.version) == (Decimal(-20), Decimal(1), 2)


def test_a_fill_larger_than_the_position_flips_it_at_its_own_price() -> None:
    short = fold([fill("buy", "1", "100"), fill("sell", "4", "105")])
    assert short.lots == lots(("-3", "105"))
    assert short.realised == Decimal(5)
    assert fold([fill("buy", "5", "95")], short).realised == Decimal(35)


def test_a_short_gains_as_the_price_falls() -> None:
    short = fold([fill("sell", "2", "100")])
    assert (short.quantity, short.cost, short.unrealised(Decimal(90))) == tuple(map(Decimal, (-2, -200, 20)))


def test_lots_of_equal_price_side_by_side_are_one() -> None:
    held = fold([fill("buy", "1", "100"), fill("buy", "2", "100.0"), fill("buy", "1", "101"), fill("buy", "1", "100")])
    assert held.lots == lots(("3", "100"), ("1", "101"), ("1", "100"))


@pytest.mark.parametrize(("side", "flow"), [("buy", "-200.2"), ("sell", "199.8")])
def test_cash_flows_by_notional_and_the_fee_always_leaves(side: str, flow: str) -> None:
    assert cash_flow(fill(side, "2", "100", fee="0.2")) == Decimal(flow)


@given(fills=FILLS, last=PRICES.map(Decimal), start=st.decimals(0, 10**9, places=8))
def test_cash_from_fills_and_profit_from_lots_agree_exactly(fills: list[Fill], last: Decimal, start: Decimal) -> None:
    held = fold(fills)
    with localcontext(EXACT):
        by_cash = start + sum(map(cash_flow, fills)) + held.quantity * last
        assert by_cash == start + held.realised + held.unrealised(last) - held.fees


@given(fills=FILLS)
def test_the_quantity_is_the_signed_sum_of_the_fills(fills: list[Fill]) -> None:
    with localcontext(EXACT):
        assert fold(fills).quantity == sum(map(positions.signed, fills))


@given(fills=FILLS, cut=st.integers(0, 30))
def test_a_fold_can_be_stored_and_continued_after_any_fill(fills: list[Fill], cut: int) -> None:
    one_by_one = FLAT
    for booked in fills:
        one_by_one = apply(one_by_one, booked)
    assert fold(fills[cut:], fold(fills[:cut])) == one_by_one
    assert one_by_one.version == len(fills)


@given(fills=FILLS)
def test_lots_are_of_one_sign_and_no_two_neighbours_of_one_price(fills: list[Fill]) -> None:
    held = fold(fills).lots
    assert all(lot.quantity > 0 for lot in held) or all(lot.quantity < 0 for lot in held)
    assert all(before.price != after.price for before, after in pairwise(held))


AMOUNTS = st.decimals(0, 1, places=8)
CHARGES = st.fixed_dictionaries({"BTC": AMOUNTS, "USDT": AMOUNTS, "BNB": AMOUNTS})


def charged(fill: Fill, amounts: dict[str, Decimal]) -> Fill:
    """A fill as a real venue charges it: any of its fees may be in any currency."""
    charges = [Charge(currency=currency, amount=amount) for currency, amount in amounts.items()]
    return msgspec.structs.replace(
        fill, instrument="BTC/USDT", fee=amounts["USDT"], fee_base=amounts["BTC"], charges=charges
    )


def test_a_fee_in_the_base_currency_reduces_the_position() -> None:
    bought = msgspec.structs.replace(fill("buy", "2", "100"), fee_base=Decimal("0.002"))
    held = fold([bought])
    assert (held.quantity, held.fees, held.realised) == (Decimal("1.998"), Decimal("0.2"), Decimal(0))
    sold = fold([msgspec.structs.replace(fill("sell", "1", "110"), fee_base=Decimal("-0.001"))], held)
    assert (sold.quantity, sold.realised) == (Decimal("0.999"), Decimal(10))


@given(fills=FILLS, charges=st.lists(CHARGES, min_size=30, max_size=30), last=PRICES.map(Decimal))
def test_books_and_balances_agree_whatever_currency_the_fees_are_in(
    fills: list[Fill], charges: list[dict[str, Decimal]], last: Decimal
) -> None:
    charged_fills = [charged(fill, amounts) for fill, amounts in zip(fills, charges, strict=False)]
    held, flows = fold(charged_fills), flows_of(charged_fills, {"BTC/USDT": ("BTC", "USDT")})
    with localcontext(EXACT):
        cash = sum(map(cash_flow, charged_fills), Decimal(0))
        assert (held.quantity, cash) == (flows.get("BTC", 0), flows.get("USDT", 0))
        assert flows.get("BNB", 0) == -sum(
            (amounts["BNB"] for amounts, _ in zip(charges, charged_fills, strict=False)), Decimal(0)
        )
        assert cash + held.quantity * last == held.realised + held.unrealised(last) - held.fees
