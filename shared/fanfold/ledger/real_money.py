"""An account at a real venue as the ledger knows it beside its books: frozen instruments, flows, cursors."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.ledger.positions import worth_of
from fanfold.messages import Fill
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import PositionKey, RestingStop
from fanfold.risk.venue_rules import RulesInForce

# An instrument, and what the doubt about it comes from: an order, or a currency.
Doubt = tuple[str, str]


class OwedFee(msgspec.Struct, frozen=True):
    """Fees in a coin that neither its balance nor a position has paid yet, and the worth that was charged for them."""

    amount: Decimal = ZERO
    worth: Decimal = ZERO


class OweFee(msgspec.Struct, frozen=True):
    """Add to what a real account owes of a coin in fees, and to what was charged for it: a change of the ledger."""

    account: str
    currency: str
    amount: Decimal
    worth: Decimal


class RealMoney(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a real account.

    ``frozen`` has a reason for each doubt. ``flows`` is, by currency, what all booked fills came to; ``baseline`` is
    what the venue had beside it at the first reconciliation. ``cursors`` is, by instrument, the time up to which the
    venue's trades are booked. ``external`` names the orders and trades that are none of ours, each told once.
    ``rules`` are, by instrument, those of the venue that the desk file's do not meet. ``stops`` are those that rest at
    the venue, by leg. ``owed`` are, by currency, fees in coins that are traded; see ``coin_fees``.
    """

    frozen: dict[Doubt, str] = {}
    flows: dict[str, Decimal] = {}
    baseline: dict[str, Decimal] = {}
    cursors: dict[str, datetime] = {}
    external: frozenset[str] = frozenset()
    rules: dict[str, RulesInForce] = {}
    stops: dict[PositionKey, RestingStop] = {}
    owed: dict[str, OwedFee] = {}

    @exact
    def owing(self, more: OweFee) -> "RealMoney":
        """Return it with more that is owed of a coin."""
        before = self.owed.get(more.currency, OwedFee())
        after = OwedFee(before.amount + more.amount, before.worth + more.worth)
        return msgspec.structs.replace(self, owed=self.owed | {more.currency: after})

    @property
    def frozen_instruments(self) -> dict[str, str]:
        """Return, by instrument, why it is frozen."""
        reasons: dict[str, list[str]] = {}
        for (instrument, _), reason in sorted(self.frozen.items()):
            reasons.setdefault(instrument, []).append(reason)
        return {instrument: "; ".join(texts) for instrument, texts in reasons.items()}


@exact
def flows_of(fills: Sequence[Fill], currencies: Mapping[str, tuple[str, str]]) -> dict[str, Decimal]:
    """Return what fills add to the venue's balances by currency; ``currencies`` are an instrument's base and quote.

    >>> from datetime import UTC, datetime
    >>> from fanfold.messages import Charge
    >>> ids = dict.fromkeys(("trade_id", "order_id", "client_order_id", "account", "venue", "instance"), "x")
    >>> rest = ids | {"instrument": "BTC/USDT", "liquidity": "taker", "at": datetime(2024, 1, 1, tzinfo=UTC)}
    >>> charge = Charge(currency="BNB", amount=Decimal("0.01"))
    >>> fill = Fill(side="buy", price=Decimal(100), quantity=Decimal(2), fee=Decimal(0), charges=[charge], **rest)
    >>> flows_of([fill], {"BTC/USDT": ("BTC", "USDT")})
    {'BTC': Decimal('2'), 'USDT': Decimal('-200'), 'BNB': Decimal('-0.01')}
    """
    flows: dict[str, Decimal] = {}
    for fill in fills:
        base, quote = currencies[fill.instrument]
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        parts = [(base, signed), (quote, -signed * fill.price)]
        parts += [(charge.currency, -charge.amount) for charge in fill.charges]
        for currency, amount in parts:
            flows[currency] = flows.get(currency, ZERO) + amount
    return flows


@exact
def owed_by(fills: Sequence[Fill], coins: Collection[str]) -> dict[str, OwedFee]:
    """Return the fees of fills in those of the ``coins`` that are in neither currency of their pair."""
    owed: dict[str, OwedFee] = {}
    for fill in fills:
        pair = fill.instrument.split("/")
        for charge in fill.charges:
            if charge.currency in coins and charge.currency not in pair:
                before, worth = owed.get(charge.currency, OwedFee()), worth_of(charge)
                owed[charge.currency] = OwedFee(before.amount + charge.amount, before.worth + worth)
    return owed
