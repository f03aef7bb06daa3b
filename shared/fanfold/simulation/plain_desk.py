"""A desk in one process, without an AWS: the verbs of the services as they are, on stores that keep plain objects.

Messages go from verb to verb as they were published, in that order, by the topics and filters of the subscriptions;
nothing is encoded, delayed or lost. The wiring of a service builds its parts for AWS; here they are built for memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.real_changes import stops_of
from fanfold.market.source import Source
from fanfold.matching.paper import PaperVenue
from fanfold.messages import SUBSCRIPTIONS, Message, attributes_of, group_of, topic_of
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger_store import MemoryLedgerStore
from fanfold.simulation.plain_polls import PlainPolls
from fanfold.simulation.plain_stores import PlainBook, PlainCursors, PlainFolds

# The services whose verbs take messages; audit's takes what ``on_message`` is called with.
SERVICES = ("market-data", "signal", "risk", "execution")


def verb(service: str, module: str, name: str) -> Any:
    """Return a name of a service's module; a service is its images' business, so it is looked up by its name."""
    return getattr(import_module(f"{service.replace('-', '_')}_service.{module}"), name)


class PlainDesk:
    """All verbs of a desk on paper, over the bars of each venue's ``source``.

    ``now`` (epoch seconds) is the time of all of them. ``on_message`` is called with each message that is published.
    """

    def __init__(
        self, desk: Desk, source: Callable[[str], Source], now: float, on_message: Callable[[Message], object]
    ) -> None:
        self.desk = desk
        self.now = now
        self._source = source
        self._on_message = on_message
        self._waiting: deque[tuple[str, Message]] = deque()
        self.polls = PlainPolls()
        self._store = MemoryLedgerStore(self.publish, self.polls.rearm)
        self._bookings = Bookings(self._store, AT_ONCE, beside=stops_of)
        self._runners: dict[str, Any] = {}
        self._verbs: dict[str, Any] = {}
        self._sweeper = verb("execution", "sweep", "Sweeper")(
            desk, self._bookings, lambda venue: self._at(venue)[:2], self.clock
        )
        self._parts = self._built()
        self._routes = {service: verb(service, "routes", "ROUTES") for service in SERVICES}

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def open_accounts(self, actor: str) -> None:
        """Open every account of the desk, as an operator does."""
        command = verb("risk", "control", "ControlCommand")
        handle = verb("risk", "control", "handle_command")
        for account in self.desk.accounts:
            opening = command(action="open", account=account, reason="history", actor=actor)
            handle(opening, self.desk, Approvals(self._store, AT_ONCE), self.clock())
        self.rest()

    def poll(self, now: float) -> None:
        """Publish the bars that have closed by a time, and do all that follows."""
        self.now = now
        self._parts["market-data"].poll()
        self.rest()

    def sweep(self) -> None:
        """Run the schedules of risk and execution once."""
        self._parts["risk"].decide_overdue()
        for account in self.desk.accounts:
            self._sweeper.sweep(self._bookings.live(account))
        self.rest()

    def publish(self, messages: Iterable[Message]) -> None:
        """Put messages into the queues of those that subscribe to them."""
        for message in messages:
            self._on_message(message)
            topic, attributes = topic_of(message), attributes_of(message)
            for service in SERVICES:
                wanted = SUBSCRIPTIONS[service].get(topic)
                if wanted is not None and all(attributes.get(name) in values for name, values in wanted.items()):
                    self._waiting.append((service, message))

    def rest(self) -> None:
        """Deliver until no queue has anything."""
        while self._waiting:
            service, message = self._waiting.popleft()
            part = self._runner(group_of(message)) if service == "signal" else self._parts[service]
            getattr(part, self._routes[service][type(message)])(message)

    def _built(self) -> Mapping[str, Any]:
        """Return the verbs of each service but signal, which has a runner for each venue."""
        desk = self.desk
        return {
            "market-data": verb("market-data", "poll", "Poller")(desk, self._source, PlainCursors(), self, self.clock),
            "risk": verb("risk", "assess", "PreTradeRisk")(
                desk, prepare(desk, {}), self.polls, Approvals(self._store, AT_ONCE), self.clock, AT_ONCE
            ),
            "execution": verb("execution", "execute", "OrderExecution")(
                desk, self._bookings, self._at, self._sweeper, lambda: None, self._live
            ),
        }

    def _runner(self, venue: str) -> Any:
        if venue not in self._runners:
            runner = verb("signal", "fold", "StrategyRunner")
            self._runners[venue] = runner(self.desk, venue, PlainFolds(), self, AT_ONCE)
        return self._runners[venue]

    def _at(self, venue: str) -> Any:
        """Return the verbs that place and match orders at a venue."""
        if venue not in self._verbs:
            paper = PaperVenue(self.desk, PlainBook())
            matcher = verb("execution", "match", "OrderMatcher")(self.desk, self._bookings, paper, swept=True)
            placer = verb("execution", "place", "Placer")(self.desk, self._bookings, paper, self.clock, matcher.clear)
            self._verbs[venue] = verb("execution", "execute", "VenueVerbs")(placer, matcher, quoted=False)
        return self._verbs[venue]

    def _live(self, account: str) -> Any:
        raise BadInput(f"{account} trades at a real venue, of which history knows nothing; give it an account on paper")
