"""Faults of the handlers: the same event twice, its records in another order, or late, and processes that are killed.

A process is killed by SIGKILL while it works on an event, at a random moment of its work.
"""

import copy
import random
import time
from typing import Any, NamedTuple

# A warm process needs some milliseconds for most events, and half a second for ten orders.
KILL_WITHIN_S = 0.15


class Chaos(NamedTuple):
    """The faults to inject; the draws come from ``dice``, so that a seed identifies a run.

    ``kill`` is the share of events during which the process is killed, of functions whose names begin with ``kill_of``,
    until it happened ``kills`` times.
    """

    duplicate: float
    shuffle: float
    delay_s_max: float
    kill: float
    kill_of: str
    kills: int
    dice: random.Random

    @classmethod
    def of(cls, text: str) -> "Chaos":
        """Parse ``seed=7,duplicate=0.5,shuffle=1,delay=0.05,kill=0.1,kill_of=NAME,kills=9``.

        An empty text injects no faults.
        """
        options = dict(part.split("=", 1) for part in text.split(",") if part)
        return cls(
            duplicate=float(options.get("duplicate", 0)),
            shuffle=float(options.get("shuffle", 0)),
            delay_s_max=float(options.get("delay", 0)),
            kill=float(options.get("kill", 0)),
            kill_of=options.get("kill_of", ""),
            kills=int(options.get("kills", 0)),
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

    def killed_after_s(self, function: str, kills: int) -> float | None:
        """Return how long after a process of the function takes an event it is killed; None where it may live.

        ``kills`` is how often it happened already.
        """
        spared = kills >= self.kills or not function.startswith(self.kill_of)
        if spared or self.dice.random() >= self.kill:
            return None
        return self.dice.uniform(0, KILL_WITHIN_S)
