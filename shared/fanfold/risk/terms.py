"""The desk as risk needs it at every decision, worked out once."""

from decimal import Decimal
from typing import Literal

import msgspec

from fanfold import strategies, timeframes
from fanfold.desk import Account, Desk, Instance, Limits
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import Leg

BPS = Decimal(10_000)
YEAR_S = 365 * 86_400
# What holds where the desk says nothing: nothing may be ordered.
CLOSED = Limits(
    order_notional_max=ZERO, position_notional_max=ZERO, gross_max=ZERO, net_max=ZERO, orders_per_minute_max=0,
    daily_loss_max=ZERO, drawdown_max=ZERO, collar_bps=ZERO, bar_age_s_max=0, signal_age_s_max=0,
)


class LegTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg is sized. ``shares`` is the number of legs its instance's equity is split over; ``headroom``, at least
    1, is how many times its notional an order may cost; ``volatility`` is a year's, 0 to take weights as they are."""

    shares: int
    headroom: Decimal
    band: Decimal
    volatility: float
    bars_per_year: float
    order: Literal["market", "limit"]
    order_ttl_s: int
    tick: Decimal
    lot: Decimal
    notional_min: Decimal


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """An account's side of the desk. ``capital`` is the cash allotted to each instance; ``lacks`` says what the desk
    does not have that it takes to trade, and is empty where nothing is missing."""

    account: str
    lacks: str = ""
    venue: str = ""
    spot: bool = True
    limits: Limits = CLOSED
    capital: dict[str, Decimal] = {}
    legs: dict[Leg, LegTerms] = {}


class Plan(msgspec.Struct, frozen=True):
    """The terms of every account of a desk."""

    accounts: dict[str, Terms]

    def terms(self, account: str) -> Terms:
        """The terms of an account; one that the desk does not know gets terms under which all is refused."""
        return self.accounts.get(account) or Terms(account=account, lacks=f"the desk has no account {account!r}")


def prepare(desk: Desk) -> Plan:
    """What ``decide`` needs of a desk. Build it once: it binds every strategy."""
    return Plan({name: _terms(desk, name, account) for name, account in desk.accounts.items()})


@exact
def _terms(desk: Desk, name: str, account: Account) -> Terms:
    limits = desk.limits.get(name)
    if limits is None:
        return Terms(account=name, lacks=f"the desk has no [limits.{name}]")
    instances = {key: one for key, one in desk.strategies.items() if one.account == name}
    return Terms(
        account=name,
        venue=account.venue,
        spot=account.kind == "spot",
        limits=limits,
        capital={key: one.allocation * account.cash for key, one in instances.items()},
        legs={
            (key, instrument): _leg(desk, account, limits, one, instrument)
            for key, one in instances.items()
            for instrument in one.instruments
            if instrument in desk.instruments
        },
    )


def _leg(desk: Desk, account: Account, limits: Limits, instance: Instance, instrument: str) -> LegTerms:
    rules = desk.instruments[instrument]
    count = len(instance.instruments)
    bound = strategies.bind(instance.strategy, instance.params, count)
    # A spot buy is paid in full: sized without room for the collar and the fee, a weight of 1 could never be paid.
    headroom = (1 + limits.collar_bps / BPS) * (1 + account.taker_bps / BPS) if account.kind == "spot" else Decimal(1)
    return LegTerms(
        shares=1 if bound.cross_sectional else count,
        headroom=headroom,
        band=instance.band,
        volatility=float(instance.volatility),
        bars_per_year=YEAR_S / timeframes.seconds(desk.venues[account.venue].timeframe),
        order=instance.order,
        order_ttl_s=instance.order_ttl_s,
        tick=rules.tick,
        lot=rules.lot,
        notional_min=rules.notional_min,
    )
