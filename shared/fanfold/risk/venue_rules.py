"""The rules by which an instrument is traded where its real venue has changed them since the desk file was written."""

from decimal import Decimal

import msgspec

from fanfold.desk import Instrument
from fanfold.money import EXACT

_NAMES = {
    "tick": "tick",
    "lot": "lot",
    "notional_min": "smallest notional",
    "amount_min": "smallest quantity",
    "amount_max": "largest quantity",
}


class RulesInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that count in the place of the desk file's, dated as the venue stated them, and why."""

    rules: Instrument
    reason: str

    def __str__(self) -> str:
        return self.reason


def in_force(venue: str, symbol: str, written: Instrument | None, stated: Instrument) -> RulesInForce | None:
    """Return the rules that meet those of the desk file and those that the venue states; None where the file's do.

    A step of the file that is no multiple of the venue's gives way to the venue's.
    """
    if written is None:
        return RulesInForce(rules=stated, reason=f"the desk file has no rules of {symbol}; {venue}'s count")
    tick, lot = _step(written.tick, stated.tick), _step(written.lot, stated.lot)
    maxima = [amount for amount in (written.amount_max, stated.amount_max) if amount]
    strict = msgspec.structs.replace(
        written,
        tick=tick,
        lot=lot,
        notional_min=max(written.notional_min, stated.notional_min),
        # Every order is a lot at least.
        amount_min=stated.amount_min if stated.amount_min > max(written.amount_min, lot) else written.amount_min,
        amount_max=min(maxima, default=Decimal(0)),
        as_of=stated.as_of,
        source=stated.source,
    )
    changed = [name for name in _NAMES if getattr(strict, name) != getattr(written, name)]
    # A file without a largest quantity is not contradicted by a venue that has one.
    if not changed or (changed == ["amount_max"] and not written.amount_max):
        return None
    figures = ", ".join(
        f"{_NAMES[name]} {_text(getattr(strict, name))} where the desk file has {_text(getattr(written, name))}"
        for name in changed
        if name != "amount_max" or written.amount_max
    )
    cure = "orders keep to it; run `fanfold desk check --refresh --write` and deploy"
    return RulesInForce(rules=strict, reason=f"{venue} has for {symbol} {figures}: {cure}")


def _text(figure: Decimal) -> str:
    return f"{figure.normalize(EXACT):f}"


def _step(written: Decimal, stated: Decimal) -> Decimal:
    return stated if EXACT.remainder(written, stated) else written
