"""Refuse strategy instances that are short on a spot account, before they trade: risk would refuse each such order."""

from collections.abc import Iterator
from decimal import Decimal

from fanfold import desk
from fanfold.desk import Desk, StrategyInstance
from fanfold.strategy import checking, contract

# A weight beyond this is no rounding of 0.
SHORT_FROM = -1e-9


def refuse(traded: Desk, source: str) -> None:
    """Raise BadInput, which names all of them, for instances of spot accounts that are known to be short."""
    wrong = list(mistakes(traded))
    if wrong:
        raise desk.refusal(source, wrong)


def mistakes(traded: Desk) -> Iterator[str]:
    """Yield each instance of a spot account that is known to be short, with what to do.

    A strategy that is not short over made-up bars may be over others: the summary of its run says so.
    """
    yield from desk.bundle_mistakes(traded)
    for name, instance in traded.strategies.items():
        if traded.accounts[instance.account].kind == "spot" and not contract.is_bundle(instance.strategy):
            yield from (f"[strategies.{name}] {reason}" for reason in _shorts(instance))


def _shorts(instance: StrategyInstance) -> Iterator[str]:
    """Yield that an instance is short: by its param ``short``, or when it is tried."""
    count, account = len(instance.instruments), instance.account
    strategy = contract.bind(instance.strategy, instance.params, count)
    if Decimal(str(getattr(strategy.params, "short", 0))) > 0:
        yield (
            f"`short` of {instance.strategy} is {strategy.params.short}, and account {account} is spot, which cannot "
            'short; write params = { short = 0 }, or kind = "margin"'
        )
        return
    lowest = checking.lowest_weight(strategy, count)
    if lowest < SHORT_FROM:
        yield (
            f"{instance.strategy} wants to be short: a weight of {lowest:.3g} over made-up bars, and account {account} "
            f'is spot, which cannot short; let its step return 0 or more, or write kind = "margin" in '
            f"[accounts.{account}]"
        )
