"""The desk file as risk needs it, computed once."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from fanfold.desk import Account, Desk, Instrument, Limits, StrategyInstance
from fanfold.market import timeframes
from fanfold.money import CASH_STEP, ZERO, decimals, exact
from fanfold.risk import standing
from fanfold.risk.exposure import Exposure, PositionKey
from fanfold.risk.venue_rules import RulesInForce
from fanfold.strategy import contract

BPS = Decimal(10_000)
YEAR_S = 365 * 86_400
NOTHING_RESTS: Mapping[str, frozenset[str]] = {}
# What protects a position of an account on paper whose stops act inside bars.
PAPER_RESTS = frozenset({"stop", "oco"})
# What holds where the desk says nothing: nothing may be ordered.
CLOSED = Limits(
    order_notional_max=ZERO,
    position_notional_max=ZERO,
    gross_max=ZERO,
    net_max=ZERO,
    orders_per_minute_max=0,
    daily_loss_max=ZERO,
    drawdown_max=ZERO,
    collar_bps=ZERO,
    bar_age_s_max=0,
    signal_age_s_max=0,
)


class PositionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The sizing of a leg.

    ``shares`` is the number of legs its instance's equity is split over; ``collar`` is how far from the reference, as a
    share of it, an order may fill, and ``fee`` the fee of a fill, both as shares; ``volatility`` is a year's, 0 to take
    weights as they are; ``amount_max`` is 0 where the venue has none; ``slack`` is what its instance keeps of its cash
    for reservations that are rounded up; of a ``bundle`` all legs of an instance are ordered, or none. A change is sent
    in ``slices`` over ``slices_over_s``, where each is worth an order.
    """

    shares: int
    spot: bool
    collar: Decimal
    fee: Decimal
    band: Decimal
    volatility: float
    bars_per_year: float
    order: Literal["market", "limit", "post-only"]
    order_ttl_s: int
    tick: Decimal
    lot: Decimal
    notional_min: Decimal
    amount_min: Decimal = ZERO
    amount_max: Decimal = ZERO
    slack: Decimal = ZERO
    bundle: bool = False
    slices: int = 1
    slices_over_s: int = 0


# Closes a whole position at market.
EXIT = PositionPolicy(
    shares=1,
    spot=True,
    collar=ZERO,
    fee=ZERO,
    band=ZERO,
    volatility=0.0,
    bars_per_year=0.0,
    order="market",
    order_ttl_s=300,
    tick=ZERO,
    lot=ZERO,
    notional_min=ZERO,
)


class AccountPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An account's side of the desk.

    ``capital`` is the cash allotted to each instance; ``lacks`` names what the desk lacks to trade the account, and is
    empty where nothing is missing. At a ``real`` venue nobody may ever learn what became of an order.
    """

    account: str
    lacks: str = ""
    venue: str = ""
    spot: bool = True
    real: bool = False
    limits: Limits = CLOSED
    capital: dict[str, Decimal] = {}
    legs: dict[PositionKey, PositionPolicy] = {}
    # Of every instrument that the desk has rules for: how to close it, whoever holds it.
    exits: dict[str, PositionPolicy] = {}
    # The kinds of orders that rest at the account's venue to protect a position.
    rests: frozenset[str] = frozenset()
    # How long a bundle may be uneven, see ``fanfold.risk.uneven``.
    uneven_s_max: int = 0

    def policy(self, leg: PositionKey, held: Exposure, price: Decimal) -> PositionPolicy:
        """Return how a leg that is held is sized, also one that is gone from the desk file."""
        return self.legs.get(leg) or self.exit(leg, held.quantity, price)

    def knows_rules(self, leg: PositionKey) -> bool:
        """Return whether tick and lot of a leg are those of its instrument, and not inferred."""
        return leg in self.legs or leg[1] in self.exits

    def exit(self, leg: PositionKey, quantity: Decimal, price: Decimal) -> PositionPolicy:
        """Return the policy to close a position whose instance or instrument may be gone from the desk file.

        If the instrument's rules are gone too, tick and lot are inferred from the digits of price and quantity.
        """
        return self.exits.get(leg[1]) or msgspec.structs.replace(
            _closing(self.spot, self.limits), tick=_digit(price), lot=_digit(quantity)
        )

    def under(self, rules: Mapping[str, RulesInForce]) -> "AccountPolicy":
        """Return the policy with the rules of a venue in the place of the desk file's."""
        if not rules:
            return self
        legs = {key: _ruled(leg, rules[key[1]].rules) if key[1] in rules else leg for key, leg in self.legs.items()}
        closing = _closing(self.spot, self.limits)
        exits = {name: _ruled(self.exits.get(name, closing), each.rules) for name, each in rules.items()}
        return msgspec.structs.replace(self, legs=legs, exits=self.exits | exits)


class DeskPolicy(msgspec.Struct, frozen=True):
    """The policies of all accounts of a desk."""

    accounts: dict[str, AccountPolicy]

    def terms(self, account: str) -> AccountPolicy:
        """Return the policy of an account. An unknown account gets one under which every order is refused."""
        return self.accounts.get(account) or AccountPolicy(
            account=account, lacks=f"the desk has no account {account!r}"
        )


def prepare(desk: Desk, rests: Mapping[str, frozenset[str]] = NOTHING_RESTS) -> DeskPolicy:
    """Compute what ``decide`` needs from a desk. Call it once: it binds every strategy.

    ``rests`` has, by live account, the kinds of orders that protect a position at its venue.
    """
    accounts = {name: _terms(desk, name, account) for name, account in desk.accounts.items()}
    rest_on_paper = [name for name, own in desk.accounts.items() if own.mode == "paper" and own.stops == "bars"]
    on_paper = dict.fromkeys(rest_on_paper, PAPER_RESTS)
    kept = (on_paper | dict(rests)).items()
    resting = {name: msgspec.structs.replace(accounts[name], rests=kinds) for name, kinds in kept}
    return DeskPolicy(accounts | resting)


@exact
def _terms(desk: Desk, name: str, account: Account) -> AccountPolicy:
    limits = desk.limits.get(name)
    if limits is None:
        return AccountPolicy(account=name, lacks=f"the desk has no [limits.{name}]")
    instances = {key: instance for key, instance in desk.strategies.items() if instance.account == name}
    exits = {
        symbol: _ruled(_closing(account.kind == "spot", limits), rules) for symbol, rules in desk.instruments.items()
    }
    return AccountPolicy(
        account=name,
        venue=account.venue,
        spot=account.kind == "spot",
        real=account.mode == "live",
        limits=limits,
        capital={key: instance.allocation * account.cash for key, instance in instances.items()},
        legs={
            (key, instrument): _leg(desk, account, limits, instance, instrument)
            for key, instance in instances.items()
            for instrument in instance.instruments
            if instrument in desk.instruments
        },
        exits=exits,
        uneven_s_max=standing.uneven_s_max(desk.venues[account.venue].timeframe),
    )


def _closing(spot: bool, limits: Limits) -> PositionPolicy:
    """Return how an account closes a position, without the rules of its instrument."""
    return msgspec.structs.replace(EXIT, spot=spot, collar=limits.collar_bps / BPS)


def _ruled(leg: PositionPolicy, rules: Instrument) -> PositionPolicy:
    return msgspec.structs.replace(
        leg,
        tick=rules.tick,
        lot=rules.lot,
        notional_min=rules.notional_min,
        amount_min=rules.amount_min,
        amount_max=rules.amount_max,
    )


def _digit(value: Decimal) -> Decimal:
    """Return the unit of a figure's last digit that is not zero, at most 1: 0.01 for 1.250."""
    return Decimal(1).scaleb(-decimals(value))


def _leg(desk: Desk, account: Account, limits: Limits, instance: StrategyInstance, instrument: str) -> PositionPolicy:
    rules = desk.instruments[instrument]
    count = len(instance.instruments)
    bound = contract.bind(instance.strategy, instance.params, count)
    return PositionPolicy(
        shares=1 if bound.cross_sectional else count,
        spot=account.kind == "spot",
        collar=limits.collar_bps / BPS,
        fee=max(account.taker_bps, account.maker_bps) / BPS,
        band=instance.band,
        volatility=float(instance.volatility),
        bars_per_year=YEAR_S / timeframes.seconds(desk.venues[account.venue].timeframe),
        order=instance.order,
        order_ttl_s=instance.order_ttl_s,
        tick=rules.tick,
        lot=rules.lot,
        notional_min=rules.notional_min,
        amount_min=rules.amount_min,
        amount_max=rules.amount_max,
        slack=2 * CASH_STEP * count * instance.slices if account.kind == "spot" else ZERO,
        bundle=contract.is_bundle(instance.strategy),
        slices=instance.slices,
        slices_over_s=instance.slices_over_s,
    )
