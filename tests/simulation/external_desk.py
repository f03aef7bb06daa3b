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
    document = raw(**(strategies or {"hook": instance() | HOOK}))
    main = document["accounts"]["main"] | {"kind": kind}
    document["accounts"] = {"main": main} | {f"other{number}": dict(main) for number in range(1, accounts)}
    wide = {"order_notional_max": "1000000", "position_notional_max": "1000000", **(limits or {})}
    document["limits"] = dict.fromkeys(document["accounts"], wide)
    return desk.build(document, "test")


def long(world: QuietDesk, weight: float = 1.0) -> None:
    """A position by a webhook's signal, filled in the bar after."""
    world.minute(1)
    world.tell("enter", {LEG: weight})
    world.minutes(2, 3)
    assert world.held()[LEG] * D(weight) > 0
