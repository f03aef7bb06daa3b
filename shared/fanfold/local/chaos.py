"""Faults on the way to the handlers: the same event twice, its records in another order, or late."""

import copy
import random
import time
from typing import Any, NamedTuple


class Chaos(NamedTuple):
    """The faults to inject; the draws come from ``dice``, so that a seed identifies a run."""

    duplicate: float
    shuffle: float
    delay_s_max: float
    dice: random.Random

    @classmethod
    def of(cls, text: str) -> "Chaos":
        """Parse ``seed=7,duplicate=0.5,shuffle=1,delay=0.05``; an empty text injects no faults."""
        options = dict(part.split("=", 1) for part in text.split(",") if part)
        return cls(
            duplicate=float(options.get("duplicate", 0)),
            shuffle=float(options.get("shuffle", 0)),
            delay_s_max=float(options.get("delay", 0)),
            dice=random.Random(int(options.get("seed", 0))),  # noqa: S311 - faults, not secrets
        )

    def variants(self, _function: str, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the events to invoke the function with in place of one; the response to the last one counts."""
        if self.delay_s_max:
            time.sleep(self.dice.uniform(0, self.delay_s_max))
        if self.shuffle and self.dice.random() < self.shuffle and "Records" in event:
            event = copy.deepcopy(event)
            self.dice.shuffle(event["Records"])
        twice = self.duplicate and self.dice.random() < self.duplicate
        return [event, event] if twice else [event]
