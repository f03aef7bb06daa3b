"""The simulated exchange on a loopback socket, in a thread of its own.

>>> from fanfold.exchange import server
>>> with server.serve() as served:
...     served.origin.startswith("http://127.0.0.1:")
True
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.exchange import order_views
from fanfold.exchange.box import Box, BoxRequest
from fanfold.exchange.faults import ArmedFault, Delivery, FaultInjector
from fanfold.exchange.handlers import dump
from fanfold.exchange.liquidity import shifted
from fanfold.exchange.request_limits import RequestLimits
from fanfold.exchange.socket_api import SocketApi
from fanfold.exchange.streams import StreamFeed
from fanfold.market.bars import Series
from fanfold.market.tape import Tape
from fanfold.simulation import market

HOST = "127.0.0.1"
# Bars that are over when the exchange opens, and bars to come, of the seeded market.
HISTORY, FUTURE = 600, 1_440
DEPOSIT = Decimal(100_000)
PULSE_S = 0.05
Clock = Callable[[], int]


class ManualClock:
    """A clock in ms that a test sets, by hand or by POST /box/clock."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class BalanceMoved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deposit of an asset, or, below zero, a withdrawal."""

    asset: str
    amount: Decimal


class ServedExchange(NamedTuple):
    """An exchange that answers: its origin, and the keys of its one account with their secrets."""

    origin: str
    key: str
    secret: str
    ed25519_key: str
    ed25519_secret: str


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def serve(
    recorded: Sequence[Series | Tape] = (),
    instruments: Mapping[str, Instrument] | None = None,
    *,
    faults: str = "none",
    seed: int = 7,
    port: int = 0,
    clock: Clock = wall_clock,
    deposits: Mapping[str, Decimal] | None = None,
    limits: RequestLimits | None = None,
    moved: bool = True,
) -> Iterator[ServedExchange]:
    """Serve until the block ends: bars or tapes, moved so that they are traded from now on, or the seeded market.

    With ``moved`` false they are traded at their own times, for a clock that is set to them.

    ``faults`` names a plan of ``fanfold.exchange.faults``. Without ``deposits`` the account has 100,000 of each quote.
    Raises BadInput for an unknown plan, and OSError where the port is not free.
    """
    now_ms = clock()
    known = instruments or market.catalogue()
    markets = list(recorded) or _seeded(seed, now_ms // 60_000 * 60)
    traded = [_moved(history, now_ms) for history in markets] if moved else markets
    quotes = {known[history.instrument].quote: DEPOSIT for history in traded}
    box = Box(traded, known, deposits or quotes, seed=seed, started_at_ms=now_ms, limits=limits or RequestLimits())
    app = _app(FaultInjector(box, faults, seed), clock)
    with _running(app, port) as bound:
        yield ServedExchange(f"http://{HOST}:{bound}", **msgspec.structs.asdict(box.credentials))


def _moved(recorded: Series | Tape, now_ms: int) -> Series | Tape:
    if isinstance(recorded, Tape):
        return recorded.shifted(now_ms, HISTORY * 60_000)
    return shifted(recorded, now_ms // 1_000, HISTORY)


def _seeded(seed: int, minute_s: int) -> list[Series | Tape]:
    return [*market.market(seed, list(market.catalogue()), HISTORY + FUTURE, minute_s - HISTORY * 60)]


@contextmanager
def _running(app: web.Application, port: int) -> Iterator[int]:
    """Run an application on a thread; yield its port."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    thread = threading.Thread(target=loop.run_forever, name="exchange", daemon=True)
    thread.start()

    def call(step: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(step, loop).result(timeout=30)

    try:
        call(runner.setup())
        site = web.TCPSite(runner, HOST, port)
        call(site.start())
        yield runner.addresses[0][1]
    finally:
        call(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


def _app(injector: FaultInjector, clock: Clock) -> web.Application:
    app = web.Application()
    feed = StreamFeed(injector.box, clock)
    api = SocketApi(injector.box, lambda request: injector.deliver(request, clock()), clock)

    async def pulse(_app: web.Application) -> Any:
        task = asyncio.create_task(_beat(injector, feed, clock))
        yield
        task.cancel()

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await _send(request, injector.deliver(await _read(request), clock()))
        except ConnectionResetError:
            # The bot ended before it had sent its request, or before it was answered.
            return web.Response()

    async def admin(request: web.Request) -> web.Response:
        return web.Response(body=dump(await _administer(injector, clock, request)), content_type="application/json")

    async def stream(request: web.Request) -> web.WebSocketResponse:
        return await _stream(feed, api, request)

    app.cleanup_ctx.append(pulse)
    app.router.add_route("*", "/box/{subject}", admin)
    for path in ("/stream{path:.*}", "/ws{path:.*}"):
        app.router.add_get(path, stream)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def _beat(injector: FaultInjector, feed: StreamFeed, clock: Clock) -> None:
    """Let the markets walk while nobody asks."""
    while True:
        injector.advance(clock())
        feed.pump()
        await asyncio.sleep(PULSE_S)


async def _stream(feed: StreamFeed, api: SocketApi, request: web.Request) -> web.WebSocketResponse:
    """Serve a connection until its end: of streams, or of the WebSocket API."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    session = feed.open(request.path, request.rel_url.raw_query_string)
    receive = api.receive if request.path.startswith("/ws-api/") else feed.receive
    writer = asyncio.create_task(_write(socket, session.outgoing))
    try:
        async for message in socket:
            receive(session, str(message.data))
    finally:
        feed.sessions.remove(session)
        writer.cancel()
    return socket


async def _write(socket: web.WebSocketResponse, outgoing: asyncio.Queue[bytes | None]) -> None:
    """Send what waits, and close the connection at None."""
    while (text := await outgoing.get()) is not None:
        await socket.send_str(text.decode())
    await socket.close()


async def _read(request: web.Request) -> BoxRequest:
    body = await request.text()
    key = request.headers.get("X-MBX-APIKEY", "")
    return BoxRequest(request.method, request.path, request.rel_url.raw_query_string, body, key)


async def _send(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    """Send an answer, a half of it, or none."""
    answer = delivery.answer
    await asyncio.sleep(delivery.wait_s)
    if delivery.how != "lost":
        headers = {**answer.headers, "Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        if delivery.how == "whole":
            await response.write(answer.body)
            await response.write_eof()
            return response
        await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _administer(injector: FaultInjector, clock: Clock, request: web.Request) -> Any:
    """Answer /box/...: what a test asks that no exchange tells."""
    subject, now_ms = request.match_info["subject"], clock()
    if request.method == "POST":
        try:
            return _change(injector, clock, subject, await request.json())
        except (BadInput, json.JSONDecodeError, msgspec.ValidationError) as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from wrong
    injector.advance(now_ms)
    exchange = injector.box.exchange
    views: dict[str, Callable[[], Any]] = {
        "journal": lambda: injector.journal,
        "orders": lambda: [order_views.queried(order, 2**63) for order in exchange.orders.values()],
        "trades": lambda: [order_views.own_trade(own) for own in exchange.trades],
        "balances": lambda: order_views.balances(exchange),
        "clock": lambda: {"ms": now_ms},
    }
    if subject not in views:
        raise web.HTTPNotFound(text=f"there is no {subject}; there are {', '.join(views)}")
    return views[subject]()


def _change(injector: FaultInjector, clock: Clock, subject: str, document: Any) -> Any:
    """Arm a fault, change the plan, move a balance, or set the clock where it is set by hand."""
    if subject == "faults":
        injector.armed.append(msgspec.convert(document, ArmedFault))
        return {"armed": len(injector.armed)}
    if subject == "plan":
        injector.follow(str(document["faults"]))
        return document
    if subject == "clock" and isinstance(clock, ManualClock):
        clock.now_ms = max(int(document["ms"]), clock.now_ms)
        injector.advance(clock.now_ms)
        return {"ms": clock.now_ms}
    if subject == "balances":
        moved = msgspec.convert(document, BalanceMoved)
        injector.box.exchange.deposit(moved.asset, moved.amount)
        return document
    raise BadInput(f"{subject} cannot be set here; faults, the plan, balances and a clock that is set by hand can")
