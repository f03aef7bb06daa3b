"""Changes of the ledger. A store applies a list of them as a whole, or none; each touches one record.

What a change expects is part of it: a list whose expectation fails anywhere changes nothing.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.ledger.account_books import StoredAccount
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import Lot, Position
from fanfold.ledger.real_money import OweFee
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.messages import Fill, Message, Order, TradingState, TradingStateChanged
from fanfold.risk.exposure import PositionKey, RestingStop
from fanfold.risk.venue_rules import RulesInForce


class OpenAccount(msgspec.Struct, frozen=True):
    """Create an account that trades. Expects that there is none."""

    account: str
    cash: Decimal


class SetTradingState(msgspec.Struct, frozen=True):
    """Set a message's trading state, and note it. Expects none that is stricter, or that of the change ``replaces``."""

    message: TradingStateChanged
    replaces: str = ""


class SetBreach(msgspec.Struct, frozen=True):
    """Note which loss limit an account has broken, "" for none any more. Expects the account."""

    account: str
    breach: str


class RequireTradingState(msgspec.Struct, frozen=True):
    """Change nothing. Expects that the account's trading state is one of these."""

    account: str
    states: tuple[TradingState, ...]


class ReserveCash(msgspec.Struct, frozen=True):
    """Set the reserved cash and count orders of a minute. Expects version and trading state as they were read."""

    before: StoredAccount
    reserved: Decimal
    minute: int
    orders_in_minute: int


class MoveCash(msgspec.Struct, frozen=True):
    """Set cash and reserved cash. Expects the account's version as it was read."""

    before: StoredAccount
    cash: Decimal
    reserved: Decimal


class Rearm(msgspec.Struct, frozen=True):
    """Let the next decision begin the account's day and peak anew; a decision that is under way is made again."""

    account: str


class CreateOrder(msgspec.Struct, frozen=True):
    """Create an order. Expects that there is none of its id."""

    order: Order


class MoveOrder(msgspec.Struct, frozen=True):
    """Store an order's step. Expects its state, epoch, filled quantity and terms to be those of ``before``."""

    before: OrderRecord
    after: OrderRecord


class IndexOrder(msgspec.Struct, frozen=True):
    """List an order as live, with the id and time of the message that told of its approval."""

    account: str
    order_id: str
    cause: str
    at: datetime


class UnindexOrder(msgspec.Struct, frozen=True):
    """Take an order off the list of live orders."""

    account: str
    order_id: str


class BookTrade(msgspec.Struct, frozen=True):
    """Mark a fill's trade as booked. Expects that it is not."""

    fill: Fill


class ExpectFill(msgspec.Struct, frozen=True):
    """Add to the signed quantity that a position's live orders may still fill, and to the ``sales`` among it."""

    account: str
    key: PositionKey
    quantity: Decimal
    sales: Decimal


class MovePosition(msgspec.Struct, frozen=True):
    """Store a position after fills, as of a version of the account. Expects the version of ``before``, or none yet."""

    account: str
    key: PositionKey
    before: Position
    after: Position
    open: Decimal
    sales: Decimal
    as_of: int = 0


class PutLots(msgspec.Struct, frozen=True):
    """Store a page of a position's lots under its number."""

    account: str
    key: PositionKey
    number: int
    lots: tuple[Lot, ...]


class DropLots(msgspec.Struct, frozen=True):
    """Delete a page of a position's lots."""

    account: str
    key: PositionKey
    number: int


class HoldMessage(msgspec.Struct, frozen=True):
    """Hold a message until it is published."""

    message: Message


class RememberRequest(msgspec.Struct, frozen=True):
    """Remember a request that is done. Expects that none was done under its principal and key."""

    request: Remembered
    expires_at_s: int


class AwaitResume(msgspec.Struct, frozen=True):
    """Let a request to resume wait for its confirmation, in place of any other of its account."""

    pending: PendingResume
    expires_at_s: int


class SpendResume(msgspec.Struct, frozen=True):
    """Use up a request to resume. Expects that it still waits for this confirmation."""

    pending: PendingResume
    expires_at_s: int


class VoidResume(msgspec.Struct, frozen=True):
    """Forget an account's request to resume, if there is one."""

    account: str


class Freeze(msgspec.Struct, frozen=True):
    """Let an account enter an instrument no more, for a reason and as long as the doubt that is its source lasts."""

    account: str
    instrument: str
    source: str
    reason: str


class Unfreeze(msgspec.Struct, frozen=True):
    """Take one doubt off an instrument."""

    account: str
    instrument: str
    source: str


class AddFlow(msgspec.Struct, frozen=True):
    """Add to what the booked fills of a real account came to in a currency."""

    account: str
    currency: str
    amount: Decimal


class SetBaseline(msgspec.Struct, frozen=True):
    """Store what a real account had in a currency beside its booked fills."""

    account: str
    currency: str
    amount: Decimal


class MoveCursor(msgspec.Struct, frozen=True):
    """Store the time up to which the venue's trades of an instrument are booked."""

    account: str
    instrument: str
    through: datetime


class NamePlaced(msgspec.Struct, frozen=True):
    """Store which order the venue knows by a name; see ``real_changes.name_at_venue``."""

    account: str
    name: str
    order_id: str


class NoteExternal(msgspec.Struct, frozen=True):
    """Note an order or trade at the venue that is none of ours. Expects that it was not noted."""

    account: str
    name: str
    detail: str


class KeepRules(msgspec.Struct, frozen=True):
    """Store the rules of an instrument that count in the place of the desk file's."""

    account: str
    instrument: str
    rules: RulesInForce


class DropRules(msgspec.Struct, frozen=True):
    """Let the desk file's rules of an instrument count again."""

    account: str
    instrument: str


class RestStop(msgspec.Struct, frozen=True):
    """Note the stop that is to rest at the venue for a leg. Expects that none is noted for it."""

    account: str
    key: PositionKey
    stop: RestingStop


class MoveStop(msgspec.Struct, frozen=True):
    """Note what became of a leg's resting stop; None forgets it."""

    account: str
    key: PositionKey
    stop: RestingStop | None


Change = (
    OpenAccount
    | SetTradingState
    | SetBreach
    | RequireTradingState
    | ReserveCash
    | MoveCash
    | Rearm
    | CreateOrder
    | MoveOrder
    | IndexOrder
    | UnindexOrder
    | BookTrade
    | ExpectFill
    | MovePosition
    | PutLots
    | DropLots
    | HoldMessage
    | RememberRequest
    | AwaitResume
    | SpendResume
    | VoidResume
    | Freeze
    | Unfreeze
    | AddFlow
    | OweFee
    | SetBaseline
    | MoveCursor
    | NamePlaced
    | NoteExternal
    | KeepRules
    | DropRules
    | RestStop
    | MoveStop
)
