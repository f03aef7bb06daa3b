"""Who looks at every write of a world: which trading state was in force when, what was claimed and booked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fanfold.aws import ledger
from fanfold.aws.attribute_values import Item
from fanfold.aws.tables import KEY_NAMES
from fanfold.messages import Halt, State
from fanfold.orders import OrderRecord

TOKEN = "ClientRequestToken"
FILLS = ledger.fill_key("")[0]
_record = msgspec.json.Decoder(OrderRecord).decode


class Witness:
    """What was seen. ``states`` is each trading state with the time from which it was in force, ``booked`` how often
    each trade's fill was written."""

    def __init__(self) -> None:
        self.states: list[tuple[float, Halt]] = []
        self.claims: list[tuple[Halt, OrderRecord]] = []
        self.booked: Counter[str] = Counter()
        self._tokens = set[str]()

    def see(self, now: float, table: Any, operation: str, parameters: Mapping[str, Any]) -> None:
        """Right after a call that was carried out."""
        if operation not in ("TransactWriteItems", "PutItem", "UpdateItem"):
            return
        item, token = table.get(ledger.account_key("main")), parameters.get(TOKEN)
        if item is None or token in self._tokens:
            return  # A transaction that is run again under its token changes nothing.
        self._tokens |= {token} if token else set()
        state = Halt(item["halt"]["S"])
        if not self.states or self.states[-1][1] is not state:
            self.states.append((now, state))
        items = _put(operation, parameters)
        self.claims += [(state, record) for record in _claimed(items)]
        self.booked.update(key for item in items if (key := item[KEY_NAMES[0]]["S"]).startswith(FILLS))

    def in_force(self, since: float, until: float) -> set[Halt]:
        """The states that were in force at any moment between two times."""
        begun = [state for at, state in self.states if at <= since][-1:]
        return {*begun, *(state for at, state in self.states if since < at <= until)}


def _put(operation: str, parameters: Mapping[str, Any]) -> list[Item]:
    writes = parameters["TransactItems"] if operation == "TransactWriteItems" else [{"Put": parameters}]
    return [item for write in writes if (item := write.get("Put", {}).get("Item"))]


def _claimed(items: list[Item]) -> Iterator[OrderRecord]:
    """The orders that a write claims."""
    for item in items:
        if item.get("order_state") == {"S": State.SUBMITTING}:
            yield _record(item["record"]["B"])
