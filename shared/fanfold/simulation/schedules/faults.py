"""The AWS seam with faults: a process may die before or after any call, be throttled, or lose the answer."""

from collections.abc import Mapping
from hashlib import blake2b
from random import Random
from typing import Any

from fanfold.aws.client.call import NO_ANSWER, AwsFault, Call, Reason
from fanfold.simulation.schedules.witness import TOKEN

KINDS = ("before", "after", "throttle", "lost", "conflict", "again", "zombie", "batch", "dead")
# Each seed draws for each kind how often it comes, in a call or in a delivery.
RATES = (0.0, 0.004, 0.03)
# Batches are rare by themselves.
BATCH_RATES = (0.0, 0.5)


class Crash(BaseException):
    """The process is gone."""


class FaultDice:
    """The dice of one seed, which are switched off to heal, and a trace of what they led to."""

    def __init__(self, random: Random) -> None:
        self.on = True
        self.counts = dict.fromkeys(KINDS, 0)
        self._random = random
        self._rates = {kind: random.choice(BATCH_RATES if kind == "batch" else RATES) for kind in KINDS}
        self._trace = blake2b(digest_size=16)

    def hit(self, kind: str) -> bool:
        if not self.on or self._random.random() >= self._rates[kind]:
            return False
        self.counts[kind] += 1
        self.note(kind)
        return True

    def note(self, *what: object) -> None:
        """Add to the trace."""
        self._trace.update(repr(what).encode())

    def trace(self) -> str:
        return self._trace.hexdigest()

    def between(self, call: Call, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """A call, or what becomes of it."""
        self.note(service, operation, sorted((key, value) for key, value in parameters.items() if key != TOKEN))
        if self.hit("before"):
            raise Crash
        if service == "dynamodb":
            self._database(operation, parameters)
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


def _partly(call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A batch of which the last entry fails."""
    *taken, last = parameters["PublishBatchRequestEntries"]
    if taken:
        call("sns", "PublishBatch", {**parameters, "PublishBatchRequestEntries": taken})
    return {"Successful": [], "Failed": [{"Id": last["Id"], "Code": "InternalError", "SenderFault": False}]}
