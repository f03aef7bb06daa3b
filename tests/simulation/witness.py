"""Who looks at every write of a world: which trading state was in force when, and what was claimed under it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fanfold.aws import ledger
from fanfold.messages import Halt, State
from fanfold.orders import OrderRecord

_record = msgspec.json.Decoder(OrderRecord).decode


class Witness:
    """What was seen. ``states`` is each trading state with the time from which it was in force."""

    def __init__(self) -> None:
        self.states: list[tuple[float, Halt]] = []
        self.claims: list[tuple[Halt, OrderRecord]] = []

    def see(self, now: float, table: Any, operation: str, parameters: Mapping[str, Any]) -> None:
        """Right after a call that was carried out."""
        if operation not in ("TransactWriteItems", "PutItem", "UpdateItem"):
            return
        item = table.get(ledger.account_key("main"))
        if item is None:
            return
        state = Halt(item["halt"]["S"])
        if not self.states or self.states[-1][1] is not state:
            self.states.append((now, state))
        self.claims += [(state, record) for record in _claimed(operation, parameters)]

    def in_force(self, since: float, until: float) -> set[Halt]:
        """The states that were in force at any moment between two times."""
        begun = [state for at, state in self.states if at <= since][-1:]
        return {*begun, *(state for at, state in self.states if since < at <= until)}


def _claimed(operation: str, parameters: Mapping[str, Any]) -> Iterator[OrderRecord]:
    """The orders that a write claims."""
    writes = parameters["TransactItems"] if operation == "TransactWriteItems" else [{"Put": parameters}]
    for write in writes:
        item = write.get("Put", {}).get("Item", {})
        if item.get("order_state") == {"S": State.SUBMITTING}:
            yield _record(item["record"]["B"])
