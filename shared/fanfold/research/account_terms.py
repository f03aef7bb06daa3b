"""A desk's account as integers: what ``risk`` and ``matching`` do in decimals, for compiled code."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fanfold.desk import Account, Desk, Instrument
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import CASH_STEP, decimals
from fanfold.research.account_book import INT64_MAX, AccountRate, LegTerm, Terms
from fanfold.research.arguments import exact_share
from fanfold.research.columns import Integers
from fanfold.risk.exposure import PositionKey
from fanfold.risk.policy import BPS, AccountPolicy, PositionPolicy
from fanfold.strategy.contract import EXTERNAL

CASH_DECIMALS = 8
# Products of two figures, and sums of two products, have to fit into 64 bits.
FIGURE_MAX = 2**61


Share = tuple[int, int]


class Scales(NamedTuple):
    """The decimals of money, and of each instrument's prices; and the lot of each instrument."""

    money: int
    prices: tuple[int, ...]
    lots: tuple[Decimal, ...]


class AccountTerms(NamedTuple):
    """An account for a compiled scan. ``money_max`` is the largest figure whose products fit into 64 bits."""

    keys: list[PositionKey]
    instruments: list[str]
    instances: list[str]
    scales: Scales
    sized: list[PositionPolicy]
    terms: Terms
    money_max: float


def refuse_webhooks(desk: Desk, account: str) -> None:
    """Raise BadInput for a strategy whose targets come by webhook."""
    for name, instance in desk.strategies.items():
        if instance.account == account and instance.strategy == EXTERNAL:
            raise BadInput(f"[strategies.{name}] is told its targets by webhook; nothing of bars says what it wants")


def refuse_resting(desk: Desk, account: str) -> None:
    """Raise BadInput for orders that rest, and such as are divided: a compiled scan does not know them."""
    for name, instance in desk.strategies.items():
        if instance.account == account and (instance.order != "market" or instance.slices > 1):
            what = f'order = "{instance.order}"' if instance.order != "market" else f"slices = {instance.slices}"
            raise BadInput(
                f"[strategies.{name}] has {what}, which rests in the book; a fast back-test knows orders at market "
                "alone: take --fidelity full"
            )


def account_terms(
    desk: Desk,
    name: str,
    policy: AccountPolicy,
    recordings: Mapping[str, Recording],
    latency_s: int = 0,
) -> AccountTerms:
    """Return an account's terms; ``recordings`` of its instruments say the scales of their bars."""
    account, keys = desk.accounts[name], sorted(policy.legs)
    instruments = sorted({instrument for _, instrument in keys})
    instances = sorted({instance for instance, _ in keys})
    rules = [desk.instruments[instrument] for instrument in instruments]
    _refuse_late(desk, name, latency_s)
    scales = _scales(account, policy, rules, [recordings[instrument].price_scale for instrument in instruments])
    volumes = [recordings[instrument].volume_scale for instrument in instruments]
    each_rule = zip(rules, volumes, scales.prices, strict=True)
    places = [(instances.index(instance), instruments.index(instrument)) for instance, instrument in keys]
    legs = [_leg(desk, policy.legs[key], key[0], place, scales.money) for key, place in zip(keys, places, strict=True)]
    terms = Terms(
        account=_integers([*_account(desk, name, policy, scales.money), latency_s, bool(policy.rests)], scales.money),
        rate=_integers(_rates(account, policy, scales.money), scales.money),
        leg=_integers(legs, scales.money),
        rule=_integers([_rule(account, *each, scales.money) for each in each_rule], scales.money),
        capital=_integers([whole(policy.capital[instance], scales.money) for instance in instances], scales.money),
        volatility=np.array([policy.legs[key].volatility for key in keys]),
        bars_a_year=policy.legs[keys[0]].bars_per_year,
    )
    sized = [policy.legs[key] for key in keys]
    return AccountTerms(keys, instruments, instances, scales, sized, terms, float(FIGURE_MAX // _factor(terms)))


def _refuse_late(desk: Desk, account: str, latency_s: int) -> None:
    """Raise BadInput for orders that all expire on their way."""
    length_s = timeframes.seconds(desk.venues[desk.accounts[account].venue].timeframe)
    # They meet the first bar that opens when they have arrived, or later.
    first_s = -(-latency_s // length_s) * length_s
    for name, instance in desk.strategies.items():
        if latency_s and instance.account == account and first_s >= instance.order_ttl_s:
            raise BadInput(
                f"an order that is {latency_s} s on its way meets no bar before it expires: [strategies.{name}] has "
                f"order_ttl_s = {instance.order_ttl_s}, and the bar after it opens {first_s} s later; take a shorter "
                "latency, or let orders live longer"
            )


def whole(value: Decimal | Fraction, scale: int) -> int:
    """Return a figure in units of a scale, rounded down."""
    return int(Fraction(value) * 10**scale // 1)


def share(value: Decimal | Fraction) -> Share:
    """Return a share as numerator and denominator without a common factor."""
    return Fraction(value).as_integer_ratio()


def _scales(
    account: Account, policy: AccountPolicy, rules: Sequence[Instrument], price_scales: Sequence[int]
) -> Scales:
    prices = tuple(max(scale, decimals(rule.tick)) for scale, rule in zip(price_scales, rules, strict=True))
    notionals = [scale + decimals(rule.lot) for scale, rule in zip(prices, rules, strict=True)]
    money = max(CASH_DECIMALS, decimals(account.cash, *policy.capital.values()), *notionals)
    return Scales(money, prices, tuple(rule.lot for rule in rules))


def _integers(values: Sequence[Any], scale: int) -> Integers:
    try:
        return np.array(values, np.int64)
    except OverflowError as fault:
        raise BadInput(
            f"the account's cash or limits are more than 64 bits hold in units of 1e-{scale}: give it less cash, or "
            "coarser lots, or take --fidelity full"
        ) from fault


def _rule(account: Account, rule: Instrument, volume_scale: int, price_scale: int, money: int) -> list[int]:
    room = share(Fraction(account.participation_max) / 10**volume_scale / Fraction(rule.lot))
    return [
        whole(rule.lot, money - price_scale),
        whole(rule.tick, price_scale),
        -whole(-rule.notional_min, money),
        -whole(-Fraction(rule.amount_min) / Fraction(rule.lot), 0),
        whole(Fraction(rule.amount_max) / Fraction(rule.lot), 0),
        *room,
    ]


def _leg(desk: Desk, sized: PositionPolicy, instance: str, places: tuple[int, int], money: int) -> list[int]:
    return [
        *places,
        sized.shares,
        places[0] if sized.bundle else -1,
        *exact_share("band", Fraction(sized.band)),
        -whole(-sized.slack, money),
        sized.order_ttl_s,
        timeframes.seconds(desk.strategies[instance].timeframe),
    ]


def _account(desk: Desk, name: str, policy: AccountPolicy, money: int) -> list[int]:
    account, limits = desk.accounts[name], policy.limits
    return [
        whole(account.cash, money),
        timeframes.seconds(desk.venues[account.venue].timeframe),
        whole(CASH_STEP, money),
        policy.spot,
        # A limit that 64 bits do not hold is never reached.
        min(whole(limits.order_notional_max, money), INT64_MAX),
        min(whole(limits.position_notional_max, money), INT64_MAX),
        limits.orders_per_minute_max,
        limits.bar_age_s_max,
        limits.signal_age_s_max,
    ]


def _rates(account: Account, policy: AccountPolicy, money: int) -> list[Share]:
    """Return the shares in the order of AccountRate."""
    limits, step = policy.limits, whole(CASH_STEP, money)
    worse = account.spread_bps / 2 + account.slippage_bps
    taker, maker = Fraction(account.taker_bps / BPS), Fraction(account.maker_bps / BPS)
    shares = ("gross_max", "net_max", "daily_loss_max", "drawdown_max")
    return [
        exact_share("taker_bps", taker, step),
        exact_share("maker_bps", max(taker, maker), step),
        exact_share("slippage_bps and half of spread_bps", Fraction(worse / BPS)),
        exact_share("collar_bps", Fraction(limits.collar_bps / BPS)),
        *(exact_share(name, Fraction(getattr(limits, name))) for name in shares),
        # Only take-profits that rest make liquidity.
        exact_share("maker_bps", maker if policy.rests else Fraction(0), step),
    ]


def _factor(terms: Terms) -> int:
    """Return the largest number that a figure of money is multiplied by."""
    limits = terms.rate[[AccountRate.GROSS, AccountRate.NET, AccountRate.DAILY_LOSS, AccountRate.DRAWDOWN]]
    return 4 * int(max((limits[:, 0] // limits[:, 1]).max() + 1, terms.leg[:, LegTerm.SHARES].max()))
