"""A desk whose strategy is a webhook's, with the widest of limits."""

from decimal import Decimal
from typing import Any

from quiet_desk import QuietDesk

from fanfold import desk
from fanfold.desk import Desk
from support.core_desk import A, instance, raw

D = Decimal
HOOK = {"strategy": "external", "params": {}, "allocation": "1", "instruments": [A], "timeframe": "1m"}
LEG = ("hook", A)


def built(kind: str = "margin", *, limits: dict[str, Any] | None = None, accounts: int = 1, **strategies: Any) -> Desk:
    found = raw(**(strategies or {"hook": instance() | HOOK}))
    main = found["accounts"]["main"] | {"kind": kind}
    found["accounts"] = {"main": main} | {f"other{number}": dict(main) for number in range(1, accounts)}
    wide = {"order_notional_max": "1000000", "position_notional_max": "1000000", **(limits or {})}
    found["limits"] = dict.fromkeys(found["accounts"], wide)
    return desk.build(found, "test")


def long(one: QuietDesk, weight: float = 1.0) -> None:
    """A position by a webhook's signal, filled in the bar after."""
    one.minute(1)
    one.tell("enter", {LEG: weight})
    one.minutes(2, 3)
    assert one.held()[LEG] * D(weight) > 0
