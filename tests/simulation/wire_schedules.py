"""Schedules of one order at the simulated exchange, through ccxt: it signs, sends and parses what the desk says.

The box answers in the same process, where ccxt's HTTP session would write to a socket. Each request is a point at which
a process may be stopped, and the seed decides which faults of an exchange come.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import Message as Headers
from http.client import IncompleteRead
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from greenlet import getcurrent

from fanfold.exchange.box import Box, BoxAnswer, BoxRequest
from fanfold.exchange.faults import FAULTS, ArmedFault, FaultInjector
from fanfold.exchange.parameters import params_of
from fanfold.exchange.request_limits import RequestLimits
from fanfold.exchange.spot import OWNER, PlacedOrder
from fanfold.market.bars import Bar, Series
from fanfold.simulation.schedules import laws
from fanfold.simulation.schedules.at_venue import AtVenue
from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.law import Law, LawKind, Sentence
from fanfold.simulation.schedules.market import PRICE_SCALE, START, VOLUME_SCALE, A, B
from fanfold.simulation.schedules.one_order import RATES, VARIANTS, OneOrder, prepared
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.simulation.schedules.venue import RealVenue
from fanfold.simulation.schedules.world import NoEnd
from fanfold.trading.terms import terms_of
from fanfold.trading.venue import OrderRequest, TradingVenue
from fanfold.venues.ccxt import slim
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from fanfold.venues.ccxt.transport import HttpSession, Response

LIVE = tuple(variant for variant in VARIANTS if variant.mode == "live")
ORDERS = "/api/v3/order"
EXCHANGE = "binance"
# Those that change an exchange for good are left out: the desk learns of them by other ways than an order's.
FOR_GOOD = {"precision_change", "delisting"}
PLACING = [name for name, fault in FAULTS.items() if fault.meets in ("orders", "all") and name not in FOR_GOOD]
CANCELING = [name for name, fault in FAULTS.items() if fault.meets in ("cancels", "all") and name not in FOR_GOOD]


class BoxSession(HttpSession):
    """The connection of one process to the box."""

    def __init__(self, venue: "BoxVenue") -> None:
        super().__init__(slim.transport_faults())
        self._venue = venue
        self._paused_until = 0.0

    def _exchange(
        self, method: str, url: str, data: bytes | str | None, headers: Mapping[str, str], patience_s: float
    ) -> Response:
        _, _, path, query, _ = urlsplit(url)
        body = data.decode() if isinstance(data, bytes) else data or ""
        request = BoxRequest(method, path, query, body, headers.get("X-MBX-APIKEY", ""))
        if self._venue.now() < self._paused_until:
            self._venue.while_paused.append(f"{method} {path} before {self._paused_until:.1f}")
        try:
            answer = self._venue.deliver(request)
        except (OSError, IncompleteRead) as fault:
            raise self._fault(fault, patience_s) from fault
        held = Headers()
        for name, value in {**answer.headers, "Content-Type": answer.content_type}.items():
            held[name] = value
        if "Retry-After" in held:
            self._paused_until = self._venue.now() + int(held["Retry-After"])
        return Response(answer.status, "", cast("Mapping[str, str]", held), answer.body, self._faults)


class BoxVenue:
    """The simulated exchange as the venue of a schedule: its market is the schedule's bars."""

    def __init__(self, world: OneOrder, dice: Random, seed: int) -> None:
        self._world, self._dice = world, dice
        # The names of a venue in memory; how long what an order does stays unseen is a fault of the box.
        self.silent, self.lag_s = False, 0
        self.while_paused: list[str] = []
        self.sent: list[dict[str, str]] = []
        # Nobody trades the other instrument, but an exchange that does not list it is another matter.
        walk = world.market.bars[A]
        series = [_series(A, walk), _series(B, walk[:1])]
        limits = RequestLimits(weight=10**9, orders_10s=10**9, orders_day=10**9)
        deposits = RealVenue(world.clock).holdings
        now_ms = int(world.now * 1_000)
        self.box = Box(series, world.desk.instruments, deposits, seed=seed, started_at_ms=now_ms, limits=limits)
        self._injector = FaultInjector(self.box, "none", seed)

    def now(self) -> float:
        return self._world.now

    def connected(self, clock: Callable[[], datetime]) -> TradingVenue:
        """Return the production adapter of a process, over ccxt."""
        terms, keys = terms_of(EXCHANGE), self.box.credentials
        secrets = {"apiKey": keys.key, "secret": keys.secret}
        client = KeyedClient(
            terms, secrets, "http://box", clock=clock, monotonic=self.now, sleep=self._sleep, symbols=[A, B]
        )
        client._ccxt.session = BoxSession(self)
        return ExchangeTrading(terms, client, clock)

    def _sleep(self, seconds: float) -> None:
        self._world.now += seconds

    def deliver(self, request: BoxRequest) -> BoxAnswer:
        """Answer a request, unless the process dies at it. Raises what the connection meets where it breaks off."""
        getcurrent().parent.switch()
        faults = self._world.faults
        faults.note("venue", request.method, request.path)
        if faults.hit("before"):
            raise Crash
        if self.silent or faults.hit("silent"):
            raise TimeoutError
        if request.path == ORDERS and request.method != "GET":
            self._trade(request)
        delivery = self._injector.deliver(request, int(self.now() * 1_000))
        self._world.tell(f"the exchange answers {request.method} {request.path}: {delivery.answer.status}")
        if faults.hit("after"):
            raise Crash
        self._world.now += delivery.wait_s
        if delivery.how == "lost":
            raise ConnectionResetError("the exchange ended the connection")
        if delivery.how == "half":
            raise IncompleteRead(delivery.answer.body)
        return delivery.answer

    def _trade(self, request: BoxRequest) -> None:
        """Note a request that trades, and draw what becomes of it."""
        places = request.method == "POST"
        if places:
            self.sent.append(dict(params_of(request.query, request.body)))
        if self._world.faults.hit("venue"):
            name = self._dice.choice(PLACING if places else CANCELING)
            self._world.reached[f"at the exchange: {FAULTS[name].about}"] += 1
            self._injector.armed.append(ArmedFault(fault=name, method=request.method, path=request.path))

    def move(self) -> None:
        self._injector.advance(int(self.now() * 1_000))

    # What the laws read of a venue.

    @property
    def holdings(self) -> dict[str, Decimal]:
        wallets = self.box.exchange.wallets
        balances = {name: wallets.balance(OWNER, name) for name in RealVenue(self._world.clock).holdings}
        return {name: balance.free + balance.locked for name, balance in balances.items()}

    @property
    def orders(self) -> list[AtVenue]:
        known = {
            order.client_order_id: order for approval in self._world.witness.approvals for order in approval.orders
        }
        return [_as_approved(placed, known[placed.client_order_id]) for placed in self.box.exchange.orders.values()]

    @property
    def requests(self) -> list[OrderRequest]:
        """Return the requests as they were stamped, to the millisecond; those of a claim have its own times."""
        claims = {_stamp(record.claimed_at, record.order.client_order_id): record
                  for _, record in self._world.witness.claims if record.claimed_at}  # fmt: skip
        return [_as_claimed(params, claims) for params in self.sent]


def _series(name: str, walk: list[Bar]) -> Series:
    scales = {"price_scale": PRICE_SCALE, "volume_scale": VOLUME_SCALE}
    return Series(instrument=name, timeframe="1m", after=START, bars=walk, **scales)


def _as_approved(placed: PlacedOrder, order: Any) -> AtVenue:
    """Return an order of the box, with the desk's own terms but for those that differ at the exchange."""
    at, limit = placed.order, placed.order.limit
    terms: dict[str, Any] = {"side": at.side, "quantity": at.quantity, "time_in_force": at.time_in_force}
    if limit is not None:
        terms["limit_price"] = limit
    differing = {name: value for name, value in terms.items() if getattr(order, name) != value}
    accepted = datetime.fromtimestamp(placed.placed_at_ms / 1_000, UTC)
    return AtVenue(at.order_id, msgspec.structs.replace(order, **differing), accepted, accepted, at.filled)


def _as_claimed(params: Mapping[str, str], claims: Mapping[tuple[int, str], Any]) -> OrderRequest:
    stamp = int(params["timestamp"]), params["newClientOrderId"]
    record = claims.get(stamp) or next(kept for (_, name), kept in claims.items() if name == stamp[1])
    if stamp in claims:
        return OrderRequest(order=record.order, claimed_at=record.claimed_at, deadline=record.deadline)
    stamped = datetime.fromtimestamp(stamp[0] / 1_000, UTC)
    return OrderRequest(order=record.order, claimed_at=stamped, deadline=stamped + timedelta(seconds=1))


def _stamp(claimed_at: datetime, name: str) -> tuple[int, str]:
    return int(claimed_at.timestamp() * 1_000), name


class WiredOrder(OneOrder):
    """A schedule whose venue is the box, behind ccxt."""

    rates = RATES | {"venue": (0.3, 0.7)}

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        # In the place of the venue in memory, which laws and schedules read under this name.
        self.venue: Any = BoxVenue(self, Random(f"venue {seed}"), seed)
        self.secret = self.exchange.box.credentials.secret

    @property
    def exchange(self) -> BoxVenue:
        venue: BoxVenue = self.venue
        return venue

    @classmethod
    def of(cls, seed: int, **more: Any) -> "WiredOrder":
        variant = Random(seed).choice(LIVE)
        return cls(seed, variant=variant, before=prepared, **more)

    def cold(self, service: str) -> ServiceProcess:
        clock = self.clock_of_a_process()
        venue = (lambda _account: self.exchange.connected(clock)) if service == "execution" else None
        return ServiceProcess(service, self.call, clock, self.desk, self.places, venue, silent=True)


def nothing_is_asked_while_the_exchange_demands_a_pause(outcome: Outcome) -> Iterator[str]:
    """A process that was told to pause sends no request until the pause is over."""
    yield from cast("BoxVenue", outcome.venue).while_paused


PAUSES = Law(Sentence.STOPS, LawKind.SAFETY, nothing_is_asked_while_the_exchange_demands_a_pause)
LAWS = (*laws.LIVE_LAWS, PAUSES)


def broken(seed: int) -> tuple[WiredOrder, list[str]]:
    """Run the schedule of a seed; return its end, and every breach of a law."""
    world = WiredOrder.of(seed)
    try:
        world.run()
    except NoEnd as endless:
        return world, [f"comes_to_an_end: {endless}"]
    return world, laws.broken(Outcome(world), LAWS)
