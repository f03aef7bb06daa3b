"""A witness of every write of a world: which trading state was in force when, what was claimed and booked."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.aws.dynamodb.table import KEY_NAMES, Table
from fanfold.errors import BadInput
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import Order, OrderState, TradingState
from fanfold.risk.poll import PollState

TOKEN = "ClientRequestToken"  # noqa: S105 - the name of a field
FILLS = "fill#"
WRITES = frozenset({"TransactWriteItems", "PutItem", "UpdateItem"})
_record = msgspec.json.Decoder(OrderRecord).decode


# The account of a day that has only one.
MAIN = "main"


class Approval(NamedTuple):
    """Orders that one write approved, and the books with them."""

    orders: Sequence[Order]
    books: AccountBooks

    @property
    def entries(self) -> list[Order]:
        return [order for order in self.orders if not order.reduce_only]


class NotedFigures(NamedTuple):
    """The figures that a decision left at a time: the peak, and the equity that the day began with."""

    at: float
    peak: Decimal
    day_start: Decimal


class AnsweredCommand(NamedTuple):
    """A trading state that an operator commanded, when it was sent first, and when the desk said what became of it."""

    state: TradingState
    sent_at: float
    answered_at: float


class SetState(NamedTuple):
    """A change of the trading state that was written: the state, and the id of its message, "" for the first."""

    state: TradingState
    change: str


class Witness:
    """Writes of an account that were seen, by kind, and commands.

    ``states`` is each trading state with the time from which it was in force, ``booked`` how often each trade's fill
    was written; ``approvals`` has orders with the books that they were approved in, ``noted`` the figures that
    decisions left. ``changes`` are all that set a trading state, in their order; ``knew`` has the change that was in
    force when the operator looked, by the reason of the command that followed; ``refused`` are commands that were.
    """

    def __init__(self, table: Table, account: str = MAIN) -> None:
        self.account = account
        self.approvals: list[Approval] = []
        self.noted: list[NotedFigures] = []
        self._ledger = table
        self.states: list[tuple[float, TradingState]] = []
        self.claims: list[tuple[TradingState, OrderRecord]] = []
        self.history: list[OrderRecord] = []
        self.booked: Counter[str] = Counter()
        self.obeyed: list[AnsweredCommand] = []
        self.refused: list[AnsweredCommand] = []
        self.changes: list[SetState] = []
        self.knew: dict[str, str] = {}
        self._tokens = set[str]()
        self._claimed = set[tuple[object, ...]]()

    def see(self, now: float, table: Any, operation: str, parameters: Mapping[str, Any]) -> None:
        """Look at one of WRITES right after it was carried out."""
        item, token = table.get(ledger.account_key(self.account)), parameters.get(TOKEN)
        if item is None or token in self._tokens:
            return  # A transaction that is run again under its token changes nothing.
        if token:
            self._tokens.add(token)
        state = item["trading_state"]["S"]
        if not self.states or self.states[-1][1] != state:
            self.states.append((now, TradingState(state)))
        cause = item["trading_state_cause"]["S"] if "trading_state_cause" in item else ""
        if not self.changes or self.changes[-1] != (state, cause):
            self.changes.append(SetState(TradingState(state), cause))
        if operation == "UpdateItem":
            # Of all updates those of decisions alone leave figures.
            key = parameters["Key"][KEY_NAMES[0]]["S"]
            if "carried_forward" in parameters["UpdateExpression"] and key == f"poll#{self.account}":
                self._note(now, parameters["ExpressionAttributeValues"][":carried"]["B"])
            return
        put = _put(operation, parameters)
        if written := _written_orders(put):
            self._orders(self.states[-1][1], written)
        for each in put:
            key = each[KEY_NAMES[0]]["S"]
            if key.startswith(FILLS):
                self.booked[key] += 1

    def looked(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return a command as its operator gives it, who has just looked at the state of the account."""
        known = ledger.trading_state(self._ledger, event["account"]).change
        reason = f"{event['reason']}, command {len(self.knew) + 1}"
        self.knew[reason] = known
        return event | {"reason": reason, "replaces": [known]}

    def obey(
        self,
        event: dict[str, Any],
        command: Callable[[], dict[str, Any]],
        sent_at: float,
        now: Callable[[], float],
    ) -> None:
        """Carry out a command; keep what it was answered, and when: one that opens an account has no state."""
        try:
            state = command().get("state")
        except BadInput:
            # A stricter state is in force: the operator has the answer.
            self.refused.append(AnsweredCommand(_commanded(event), sent_at, now()))
            return
        if state:
            self.obeyed.append(AnsweredCommand(TradingState(state), sent_at, now()))

    def _orders(self, state: TradingState, written: list[OrderRecord]) -> None:
        """Keep the account's orders that were written under a trading state."""
        written = [record for record in written if record.order.account == self.account]
        self.history += written
        self.claims += [(state, record) for record in written if self._is_claim(record)]
        if created := [record.order for record in written if record.state is OrderState.APPROVED]:
            self.approvals.append(Approval(created, ledger.read(self._ledger, self.account)))

    def _is_claim(self, record: OrderRecord) -> bool:
        """Return whether a write claims an order for sending: a quarantine, too, leaves it as it is being sent."""
        claim = (record.order.order_id, record.epoch, record.claimed_at)
        fresh = record.state is OrderState.SUBMITTING and claim not in self._claimed
        self._claimed.add(claim)
        return fresh

    def _note(self, now: float, written: bytes) -> None:
        carried = PollState(packed_carried=written).carried
        noted = NotedFigures(now, carried.peak_equity, carried.day_start_equity)
        if carried.day and (not self.noted or self.noted[-1][1:] != noted[1:]):
            self.noted.append(noted)

    def in_force(self, since: float, until: float) -> set[TradingState]:
        """The states that were in force at any moment between two times."""
        # Several commands may be obeyed at one time of the simulator; what was in force before them was so then, too.
        begun = [state for at, state in self.states if at < since][-1:]
        return {*begun, *(state for at, state in self.states if since <= at <= until)}


def _commanded(event: dict[str, Any]) -> TradingState:
    return TradingState(event["state"]) if event["action"] == "halt" else TradingState.ACTIVE


def _put(operation: str, parameters: Mapping[str, Any]) -> list[Item]:
    writes = parameters["TransactItems"] if operation == "TransactWriteItems" else [{"Put": parameters}]
    return [item for write in writes if (item := write.get("Put", {}).get("Item"))]


def written_orders(operation: str, parameters: Mapping[str, Any]) -> list[OrderRecord]:
    """Return the orders that a write puts, as they are after it."""
    if operation not in ("TransactWriteItems", "PutItem"):
        return []
    return _written_orders(_put(operation, parameters))


def _written_orders(put: list[Item]) -> list[OrderRecord]:
    return [_record(item["record"]["B"]) for item in put if "order_state" in item]
