"""Laws: what must hold of every schedule, each with the sentence of the user that it guards."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from fanfold.money import exact
from fanfold.simulation.schedules.outcome import Outcome


class Sentence(StrEnum):
    """The sentences that a user would say of the desk."""

    NEVER_DOUBLED = "never doubled: no order is sent, and no trade is booked, a second time"
    NEVER_FORGOTTEN = "never forgotten: every order ends, and every message arrives"
    NEVER_UNEXPLAINED = "never unexplained: nothing changes without a message that says why"
    STOPS = "stops when told: no state is passed over, and none comes late"
    ADDS_UP = "adds up: cash, positions and reservations are what the fills come to, to the digit"
    WITHIN_LIMITS = "within limits: no order, position, exposure or loss goes past its limit"
    KEEPS_SECRETS = "keeps secrets: no key is in a message, a table or a log"
    IS_TRUE = "true to the venue: the books are what the venue has"


class LawKind(StrEnum):
    """Safety: something bad never happens. Liveness: something good happens once faults are over."""

    SAFETY = "safety"
    LIVENESS = "liveness"


class Law(NamedTuple):
    """A law; ``breaches`` yields each breach of it in words."""

    sentence: Sentence
    kind: LawKind
    breaches: Callable[[Outcome], Iterator[str]]

    @property
    def name(self) -> str:
        return self.breaches.__name__

    @exact
    def broken(self, outcome: Outcome) -> list[str]:
        """Return its breaches, by exact figures."""
        return list(self.breaches(outcome))
