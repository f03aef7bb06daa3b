"""Faults at the handlers' door: the same event twice, its records in another order, or late."""

import copy
import random
import time
from typing import Any, NamedTuple


class Chaos(NamedTuple):
    """What to do to events; the draws come from ``dice``, so a run is named by its seed."""

    duplicate: float
    shuffle: float
    delay_s_max: float
    dice: random.Random

    @classmethod
    def of(cls, text: str) -> "Chaos":
        """From ``seed=7,duplicate=0.5,shuffle=1,delay=0.05``; an empty text does nothing to events."""
        options = dict(part.split("=", 1) for part in text.split(",") if part)
        return cls(
            duplicate=float(options.get("duplicate", 0)),
            shuffle=float(options.get("shuffle", 0)),
            delay_s_max=float(options.get("delay", 0)),
            dice=random.Random(int(options.get("seed", 0))),  # noqa: S311 - faults, not secrets
        )

    def variants(self, _function: str, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The events to hand to the function in place of one; the last one's answer counts."""
        if self.delay_s_max:
            time.sleep(self.dice.uniform(0, self.delay_s_max))
        if self.shuffle and self.dice.random() < self.shuffle and "Records" in event:
            event = copy.deepcopy(event)
            self.dice.shuffle(event["Records"])
        twice = self.duplicate and self.dice.random() < self.duplicate
        return [event, event] if twice else [event]
