"""Balances at an exchange: free and locked by owner and asset, exact, and none is made or lost by a trade.

What a live order may still spend is locked: a sale its quantity, a purchase its limit times its quantity, a purchase at
market its bound in quote. Both orders of a pair lock the larger of their needs once. A fee is charged in the asset that
is received, or, where the owner pays fees in a coin and has enough of it free, in that at a discount; it is rounded
down to a step of cash, and goes to the owner ``FEES``.
"""

from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from fanfold import money
from fanfold.matching.engine import OrderEvent
from fanfold.matching.order_book import BookOrder
from fanfold.money import ZERO, exact

FEES = "fees"
# What is left of a fee that is paid in the exchange's coin.
DISCOUNTED = Decimal("0.75")


class Balance(NamedTuple):
    """An owner's quantity of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class FeeRates(NamedTuple):
    """Rates in basis points of what a trade brings, and the coin that fees are paid in, with its price in quote.

    Without a coin, or a price of it, they are paid in what is received.
    """

    maker_bps: Decimal = ZERO
    taker_bps: Decimal = ZERO
    coin: str = ""
    coin_price: Decimal | None = None


class FeeCharge(NamedTuple):
    """A fee and its asset."""

    amount: Decimal
    asset: str


class _Lock(NamedTuple):
    """Locked funds of an order or a pair: the amount, and what each live order of it may still need."""

    amount: Decimal
    needs: dict[int, Decimal]


class Wallets:
    """All owners' balances. An owner of ``unlimited`` locks nothing and may go below zero: the market itself."""

    def __init__(self, unlimited: frozenset[str] = frozenset()) -> None:
        self._balances: dict[tuple[str, str], Balance] = defaultdict(Balance)
        self._locks: dict[tuple[str, int], _Lock] = {}
        self._unlimited = unlimited

    def balance(self, owner: str, asset: str) -> Balance:
        return self._balances.get((owner, asset), Balance())

    def balances(self, owner: str) -> dict[str, Balance]:
        """Return an owner's balances by asset, in the order in which they came to be."""
        return {asset: balance for (who, asset), balance in self._balances.items() if who == owner}

    @exact
    def total(self, asset: str) -> Decimal:
        """Return what all owners together have of an asset."""
        return sum(
            (balance.free + balance.locked for (_, name), balance in self._balances.items() if name == asset), ZERO
        )

    @exact
    def deposit(self, owner: str, asset: str, amount: Decimal) -> None:
        self._move(owner, asset, free=amount)

    @exact
    def lock(self, base: str, quote: str, *orders: BookOrder) -> bool:
        """Lock what an order, or both of a pair, may spend. Return False, and lock nothing, where that is not free."""
        owner, side = orders[0].owner, orders[0].side
        if owner in self._unlimited:
            return True
        asset = base if side == "sell" else quote
        needs = {order.order_id: need(order) for order in orders}
        amount = max(needs.values())
        if self.balance(owner, asset).free < amount:
            return False
        self._move(owner, asset, free=-amount, locked=amount)
        for order in orders:
            self._locks[_key(order)] = _Lock(amount, needs)
        return True

    @exact
    def apply(self, event: OrderEvent, base: str, quote: str, rates: FeeRates) -> FeeCharge | None:
        """Book an order's event on its owner; return the fee of a trade."""
        order = event.order
        charge = self._trade(event, base, quote, rates) if event.trade is not None else None
        if order.owner not in self._unlimited:
            self._unlock(order, base if order.side == "sell" else quote)
        return charge

    def _trade(self, event: OrderEvent, base: str, quote: str, rates: FeeRates) -> FeeCharge:
        order, trade = event.order, event.trade
        assert trade is not None
        value = trade.price * trade.quantity
        spent, received = ((quote, value), (base, trade.quantity))
        if order.side == "sell":
            spent, received = received, spent
        bps = rates.taker_bps if order.order_id == trade.taker_id else rates.maker_bps
        self._spend(order, *spent)
        self._move(order.owner, received[0], free=received[1])
        charge = FeeCharge(money.floor_to((received[1] * bps).scaleb(-4), money.CASH_STEP), received[0])
        if rates.coin and rates.coin_price:
            fee = money.floor_to(money.ratio((value * bps * DISCOUNTED).scaleb(-4), rates.coin_price), money.CASH_STEP)
            if self.balance(order.owner, rates.coin).free >= fee:
                charge = FeeCharge(fee, rates.coin)
        self._move(order.owner, charge.asset, free=-charge.amount)
        self._move(FEES, charge.asset, free=charge.amount)
        return charge

    def _spend(self, order: BookOrder, asset: str, amount: Decimal) -> None:
        if order.owner in self._unlimited:
            self._move(order.owner, asset, free=-amount)
            return
        lock = self._locks[_key(order)]
        assert amount <= lock.amount, f"order {order.order_id} spends {amount} of {lock.amount}"
        self._move(order.owner, asset, locked=-amount)
        self._locks[_key(order)] = lock._replace(amount=lock.amount - amount)

    def _unlock(self, order: BookOrder, asset: str) -> None:
        """Free what none of the live orders of a lock needs any more."""
        lock = self._locks[_key(order)]
        if order.is_live:
            lock.needs[order.order_id] = need(order)
        else:
            lock.needs.pop(order.order_id, None)
        kept = min(lock.amount, max(lock.needs.values(), default=ZERO))
        self._move(order.owner, asset, free=lock.amount - kept, locked=kept - lock.amount)
        if lock.needs:
            self._locks[_key(order)] = lock._replace(amount=kept)
        else:
            del self._locks[_key(order)]

    def _move(self, owner: str, asset: str, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        before = self._balances[owner, asset]
        after = Balance(before.free + free, before.locked + locked)
        assert owner in self._unlimited or min(after) >= ZERO, f"{owner} has {after} of {asset}"
        self._balances[owner, asset] = after


@exact
def need(order: BookOrder) -> Decimal:
    """Return the most that a live order may still spend, in the asset that it gives."""
    if order.side == "sell":
        return order.remaining
    if order.limit is not None:
        return order.limit * order.remaining
    assert order.quote_max is not None, f"order {order.order_id} buys at market without a bound"
    return order.quote_max - order.quote_filled


def _key(order: BookOrder) -> tuple[str, int]:
    return ("order", order.order_id) if order.pair is None else ("pair", order.pair)
