"""The dice of a schedule: which fault comes when, at the seam to AWS and in the deliveries of queues."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple

from fanfold.aws.client.call import NO_ANSWER, AwsFault, Call, Reason
from fanfold.simulation.schedules.witness import TOKEN

# Kind -> the event, for people; of what befalls market-data and audit alone.
WHOLE_DESK = {
    "bar-missing": "the venue never has a bar",
    "bar-late": "the venue has a bar up to four minutes late",
    "bar-null": "the venue has a bar without figures, for some minutes or for good",
    "bar-impossible": "the low of a bar is above its high, for some minutes or for good",
    "bar-revised": "the venue changes a bar after it was read",
    "bar-jumped": "the venue has a bar at three times its price",
    "rows-twice": "an answer of the venue has a bar twice",
    "rows-out-of-order": "the bars of an answer of the venue are in no order",
    "slow-down": "S3 answers that it is asked too often",
}
# Of all.
KINDS = {
    "before": "a process dies before a call",
    "after": "a process dies after a call",
    "throttle": "a call is throttled",
    "lost": "a call is carried out, and its answer is lost",
    "conflict": "a write meets another transaction",
    "again": "a message is delivered again although it was handled",
    "zombie": "a message is delivered to another process while the first still works on it",
    "batch": "a topic takes a part of a batch",
    "dead": "every process dies at a message, and it becomes a dead letter",
    "freeze": "a process stands still for 2 to 60 seconds before a call",
    "timeout": "a function is ended at its limit; its messages come back after their time of visibility",
    "dropped": "a delivery reaches nobody; it is repeated after the time of visibility",
    "delay": "a message arrives up to 20 seconds late",
    "reorder": "messages of other groups overtake one",
    "skew": "the clock of a process is up to 2 seconds off",
    "backward": "the clock of a process steps back by a second",
    "halt": "an operator sets another trading state, now and then two at one moment",
    "rotation": "the key of the venue is replaced",
    "deploy": "functions are deployed with tighter limits, and processes begin cold",
    "poison": "a message that nobody understands is sent",
    "bars-missing": "the bars of a minute do not come by themselves",
    "bars-late": "the bars of a minute come half a minute late",
    "bars-twice": "the bars of a minute are published under a second id",
    "bars-out-of-order": "the bars of a minute come after those of the next",
    "venue": "the venue loses an order, takes it late, loses its answer, rejects it, or fills a part",
    "silent": "the venue does not answer a question",
    "outage": "the venue answers no question for seven minutes, while an order is under way",
    **WHOLE_DESK,
}
DAY = ("before", "after", "throttle", "lost", "conflict", "again", "zombie", "batch", "dead")
# Each seed draws for each kind how often it comes, in a call or in a delivery.
RATES = (0.0, 0.004, 0.03)
# Kinds that come in a call.
AT_CALLS = frozenset({"before", "after", "throttle", "lost", "conflict", "slow-down", "batch"})
# Batches are rare by themselves.
BATCH_RATES = (0.0, 0.5)


class Crash(BaseException):
    """The process is gone."""


class Hit(NamedTuple):
    """A fault that came: the number of its chance, among those of its kind in the schedule, and its kind."""

    chance: int
    kind: str


class FaultDice:
    """The dice of one seed, which are switched off to heal, and a trace of what they led to."""

    def __init__(
        self,
        random: Random,
        rates: Mapping[str, float],
        *,
        listed: Iterable[Hit] | None = None,
        traced: bool = True,
    ) -> None:
        """Let only the ``listed`` faults come, where they are: to repeat a schedule with fewer of them, or with one."""
        self.traced = traced
        self.hits: list[Hit] = []
        # Every chance of a fault, where a list of faults is played and chances are recorded.
        self.every_chance: list[Hit] | None = None
        self.tell: Callable[[str], None] = lambda _text: None
        self._draw = random.random
        self._listed = None if listed is None else frozenset(listed)
        # Whether faults come.
        self.on = True
        self._rates = dict(rates)
        # The chances that each kind had so far.
        self._chances = dict.fromkeys(self._rates, 0)
        # The call that is being made, for the story.
        self._operation = ""
        self._trace = blake2b(digest_size=16)

    def hit(self, kind: str) -> bool:
        """Return whether a fault of this kind comes now."""
        if not self.on or kind not in self._rates:
            return False
        self._chances[kind] += 1
        # Most of the time nothing comes.
        if self._listed is None and self._draw() >= self._rates[kind]:
            return False
        chance = Hit(self._chances[kind], kind)
        if self._listed is not None and not self._plays(chance, self._listed):
            return False
        self.hits.append(chance)
        self.note(kind)
        at = f", at {self._operation}" if kind in AT_CALLS else ""
        self.tell(f"FAULT {kind}: {KINDS[kind]}{at}")
        return True

    def _plays(self, chance: Hit, listed: frozenset[Hit]) -> bool:
        """Return whether a chance is one of those that are listed; record it, where all are recorded."""
        if self.every_chance is not None:
            self.every_chance.append(chance)
        return chance in listed

    def note(self, *what: object) -> None:
        """Add to the trace."""
        if self.traced:
            self._trace.update(repr(what).encode())

    def trace(self) -> str:
        return self._trace.hexdigest()

    def between(self, call: Call, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a call, or let it fail."""
        if self.traced:
            self.note(service, operation, sorted((key, value) for key, value in parameters.items() if key != TOKEN))
        if not self.on:
            return call(service, operation, parameters)
        self._operation = operation
        if self.hit("before"):
            raise Crash
        if service == "dynamodb":
            self._database(operation, parameters)
        if service == "s3" and self.hit("slow-down"):
            raise AwsFault("SlowDown", "too fast", 503)
        lost = self.hit("lost")
        if service == "sns" and operation == "PublishBatch" and self.hit("batch"):
            return _partly(call, parameters)
        answer = call(service, operation, parameters)
        if lost:
            raise AwsFault("NoAnswer", "the answer was lost", NO_ANSWER)
        if self.hit("after"):
            raise Crash
        return answer

    def _database(self, operation: str, parameters: Mapping[str, Any]) -> None:
        if self.hit("throttle"):
            raise AwsFault("ThrottlingException", "too fast", 400)
        if operation == "TransactWriteItems" and self.hit("conflict"):
            reasons = [Reason("None", "", {}) for _ in parameters["TransactItems"]]
            reasons[0] = Reason("TransactionConflict", "", {})
            raise AwsFault("TransactionCanceledException", "another was at it", 400, tuple(reasons))
        if operation in ("UpdateItem", "PutItem", "DeleteItem") and self.hit("conflict"):
            raise AwsFault("TransactionConflictException", "another was at it", 400)


def drawn(random: Random, kinds: Iterable[str] = DAY, rates: tuple[float, ...] = RATES) -> dict[str, float]:
    """Draw how often each kind comes in a schedule."""
    return {kind: random.choice(BATCH_RATES if kind == "batch" else rates) for kind in kinds}


def _partly(call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Publish a batch of which the last entry fails."""
    *taken, last = parameters["PublishBatchRequestEntries"]
    if taken:
        call("sns", "PublishBatch", {**parameters, "PublishBatchRequestEntries": taken})
    return {"Successful": [], "Failed": [{"Id": last["Id"], "Code": "InternalError", "SenderFault": False}]}
