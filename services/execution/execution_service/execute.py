"""Route a message to the verbs of its venue."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.sweep import StandingOrder, Sweeper
from fanfold.desk import Desk
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import BarsClosed, OrdersApproved, TradingStateChanged


class VenueVerbs(NamedTuple):
    """The verbs for one venue; where it is ``quoted``, orders at market fill as soon as they are placed."""

    placer: Placer
    matcher: OrderMatcher
    quoted: bool


class LiveOrders(Protocol):
    """The orders of an account that have not ended; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[StandingOrder]: ...


class OrderExecution:
    """The verb of execution for each message: orders and trading states by their account, bars by their venue."""

    def __init__(
        self,
        desk: Desk,
        ledger: LiveOrders,
        verbs: Callable[[str], VenueVerbs],
        sweeper: Sweeper,
        check_keys: Callable[[], None],
    ) -> None:
        """Use ``check_keys``, which raises BadInput where the keys of a real venue are missing."""
        self._desk = desk
        self._ledger = ledger
        self._verbs = verbs
        self._sweeper = sweeper
        self._check_keys = check_keys

    def place(self, message: OrdersApproved) -> None:
        """Place orders at their venue; with live quotes, market orders fill at once."""
        self._ready()
        if message.account not in self._desk.accounts:
            raise BadInput(f"account {message.account!r} is not in the desk; it has {sorted(self._desk.accounts)}")
        verbs = self._verbs(self._desk.accounts[message.account].venue)
        verbs.placer.place(message)
        if verbs.quoted:
            verbs.matcher.take(message)

    def _ready(self) -> None:
        """Raise VenueUnavailable if the venue's keys are missing: a message that waits for them is not wrong."""
        try:
            self._check_keys()
        except BadInput as missing:
            raise VenueUnavailable(str(missing)) from missing

    def match(self, message: BarsClosed) -> None:
        """Match the orders that rest at a venue of the desk with its bars."""
        if message.venue in self._desk.venues:
            self._verbs(message.venue).matcher.match(message)

    def govern(self, message: TradingStateChanged) -> None:
        """Cancel the orders that the account's state does not let rest, and end those that it does not let out."""
        if message.account in self._desk.accounts:
            self._verbs(self._desk.accounts[message.account].venue).matcher.govern(message)
        self._sweeper.sweep(self._ledger.live(message.account))
