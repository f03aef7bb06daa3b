"""Faults of an exchange as data, and who injects them: by a seed, or armed one by one. A journal tells of each."""

from collections.abc import Mapping
from random import Random
from typing import Any, Literal, NamedTuple

import msgspec

from fanfold.errors import BadInput
from fanfold.exchange.box import Box, BoxAnswer, BoxRequest, refusal_answer
from fanfold.exchange.parameters import is_readable, params_of
from fanfold.exchange.refusals import ExchangeRefusal, rejected
from fanfold.exchange.spot import PlacedOrder

LAG_MS = 1_500
PAUSE_MS = 3_000
HTML = "text/html"
CANCELS, PLACES = "DELETE", "POST"


class ExchangeFault(NamedTuple):
    """A fault: the requests that it meets, its share of them in a storm, and what it does."""

    meets: Literal["orders", "cancels", "all"]
    share: float
    about: str


FAULTS: dict[str, ExchangeFault] = {
    "reply_lost_before": ExchangeFault("orders", 0.03, "the connection ends, and nothing was accepted"),
    "reply_lost_after": ExchangeFault(
        "orders", 0.05, "the request was carried out, and the connection ends without an answer"
    ),
    "late_arrival": ExchangeFault(
        "orders", 0.03, "the connection ends; the request arrives later, inside its window or not"
    ),
    "server_error_after": ExchangeFault("orders", 0.03, "the request was carried out, and the answer is 503 and -1000"),
    "empty_answer": ExchangeFault("orders", 0.03, "the request was carried out, and the answer is 200 without a body"),
    "truncated_answer": ExchangeFault("orders", 0.03, "the request was carried out, and the answer ends in its middle"),
    "html_403": ExchangeFault("orders", 0.02, "a firewall answers 403 with HTML; nothing was accepted"),
    "unexpected_response": ExchangeFault("orders", 0.02, "-1006 after the request, which was carried out or not"),
    "backend_timeout": ExchangeFault("orders", 0.02, "-1007 after the request, which was carried out or not"),
    "duplicate_reject": ExchangeFault(
        "orders", 0.02, "the order was accepted, and the answer is that it is a duplicate"
    ),
    "query_lag": ExchangeFault("orders", 0.05, "queries do not find the order and its trades for a while"),
    "fill_before_ack": ExchangeFault("orders", 0.02, "the answer comes after the fills were reported"),
    "fill_after_cancel": ExchangeFault(
        "cancels", 0.1, "the cancel succeeds, and a fill from before it is reported after it"
    ),
    "rate_limit_storm": ExchangeFault(
        "all", 0.001, "every request is answered with 429 for a while, then 418 for clients that continue"
    ),
    "maintenance": ExchangeFault("all", 0.001, "every request is answered with 503 and HTML for a while"),
    "clock_skew": ExchangeFault("all", 0.001, "the exchange's clock is three seconds off for a while"),
    "precision_change": ExchangeFault("all", 0.0002, "tick and lot of a symbol become ten times as large, once"),
    "delisting": ExchangeFault("all", 0.0001, "the last of several symbols goes, and its orders expire, once"),
    "symbol_halt": ExchangeFault("all", 0.001, "a symbol does not trade for a while"),
}
STORM = {name: fault.share for name, fault in FAULTS.items()}
# The share of requests that a fault meets which was asked for by its name.
ALONE = {"orders": 0.3, "cancels": 0.5, "all": 0.02}


class ArmedFault(msgspec.Struct, kw_only=True):
    """A fault for the next requests of a method and path, as many as ``count``.

    With ``symbol`` it waits for requests of that market, and what befalls one market befalls that one.
    """

    fault: str
    count: int = 1
    method: str = "POST"
    path: str = "/api/v3/order"
    symbol: str = ""

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"there is no fault {self.fault!r}; there are {', '.join(FAULTS)}")

    def meets(self, request: BoxRequest) -> bool:
        """Return whether this is a request that the fault waits for."""
        if (self.method, self.path) != (request.method, request.path):
            return False
        return self.symbol in ("", params_of(request.query, request.body).get("symbol"))


class Drawn(NamedTuple):
    """A fault that meets a request, and the market that it is to befall, "" for any."""

    name: str = ""
    symbol: str = ""


class Delivery(NamedTuple):
    """An answer and how it goes out: whole, in half, or not at all; after ``wait_s``."""

    answer: BoxAnswer
    how: Literal["whole", "half", "lost"] = "whole"
    wait_s: float = 0.0


def plan_of(name: str) -> Mapping[str, float]:
    """Return the shares of a plan: ``none``, ``storm``, or one fault by name. Raises BadInput for any other."""
    if name == "none":
        return {}
    if name == "storm":
        return STORM
    if name in FAULTS:
        return {name: ALONE[FAULTS[name].meets]}
    raise BadInput(f"there is no fault plan {name!r}; choose none, storm, or one fault: {', '.join(FAULTS)}")


class FaultInjector:
    """Answers requests by way of the box, and spoils some of them."""

    def __init__(self, box: Box, plan: str, seed: int) -> None:
        self.box = box
        self.journal: list[dict[str, Any]] = []
        self.armed: list[ArmedFault] = []
        self._plan = plan_of(plan)
        self._dice = Random(f"{seed} faults")  # noqa: S311 - seeded, no secret
        self._late: list[tuple[int, BoxRequest]] = []
        self._until: dict[str, int] = {}
        self._skew_ms = 0
        self._halted: dict[str, int] = {}
        self._happened: set[str] = set()

    def follow(self, plan: str) -> None:
        """Inject by another plan from now on; what has begun goes on to its end."""
        self._plan = plan_of(plan)

    def advance(self, now_ms: int) -> None:
        """Let time pass: markets walk, late requests arrive, halts end."""
        due = [late for late in self._late if late[0] <= now_ms]
        self._late = [late for late in self._late if late[0] > now_ms]
        self.box.advance(now_ms)
        for _, request in due:
            answer = self.box.answer(request, now_ms, self._skew(now_ms))
            self._note("late_arrival", request, now_ms, status=answer.status, arrived=True)
        for symbol in [name for name, until in self._halted.items() if until <= now_ms]:
            del self._halted[symbol]
            if symbol in self.box.exchange.listings:
                self.box.exchange.listings[symbol].status = "TRADING"

    def deliver(self, request: BoxRequest, now_ms: int) -> Delivery:
        """Answer a request, or spoil its answer."""
        self.advance(now_ms)
        name, symbol = self._draw(request) if is_readable(request.query, request.body) else Drawn()
        if name and FAULTS[name].meets == "all":
            self._befall(name, symbol, request, now_ms)
            name = ""
        if now_ms < self._until.get("maintenance", 0):
            return Delivery(BoxAnswer(503, b"<html><body>Service under maintenance</body></html>", {}, HTML))
        if now_ms < self._until.get("rate_limit_storm", 0):
            retry = {"Retry-After": str(self.box.meter.retry_after_s(now_ms))}
            return Delivery(refusal_answer(self.box.meter.refuse(now_ms), retry))
        if not name:
            return Delivery(self._answer(request, now_ms))
        return self._spoil(name, request, now_ms)

    def _answer(self, request: BoxRequest, now_ms: int) -> BoxAnswer:
        return self.box.answer(request, now_ms, self._skew(now_ms))

    def _skew(self, now_ms: int) -> int:
        return self._skew_ms if now_ms < self._until.get("clock_skew", 0) else 0

    def _draw(self, request: BoxRequest) -> Drawn:
        """Return the fault of a request: one that was armed for it, else by the dice."""
        armed = next((fault for fault in self.armed if fault.meets(request)), None)
        if armed is not None:
            armed.count -= 1
            if not armed.count:
                self.armed.remove(armed)
            return Drawn(armed.fault, armed.symbol)
        number = self._dice.random()
        for name, share in self._plan.items():
            if _meets(name, request):
                if number < share:
                    return Drawn(name)
                number -= share
        return Drawn()

    def _spoil(self, name: str, request: BoxRequest, now_ms: int) -> Delivery:
        if name in {"reply_lost_before", "html_403"} or (name in _PERHAPS and self._dice.random() < 0.5):
            answer = BoxAnswer(0, b"")
        elif name == "late_arrival":
            answer = self._postpone(request, now_ms)
        else:
            answer = self._carry_out(name, request, now_ms)
        self._note(name, request, now_ms, status=answer.status)
        return _spoiled(name, answer)

    def _postpone(self, request: BoxRequest, now_ms: int) -> BoxAnswer:
        """Keep a request for later: a part of its window, or a little beyond it."""
        window = int(float(params_of(request.query, request.body).get("recvWindow", "5000")))
        self._late.append((now_ms + int(window * self._dice.uniform(0.1, 1.1)), request))
        return BoxAnswer(0, b"")

    def _carry_out(self, name: str, request: BoxRequest, now_ms: int) -> BoxAnswer:
        if name == "query_lag":
            self.box.exchange.trade_delay_ms = LAG_MS
        if name == "fill_after_cancel":
            order = self._order(request)
            if order is not None:
                self.box.fill_behind(order, now_ms, LAG_MS)
        answer = self._answer(request, now_ms)
        self.box.exchange.trade_delay_ms = 0
        order = self._order(request)
        if name == "query_lag" and order is not None and answer.status == 200:
            order.visible_at_ms = now_ms + LAG_MS
        return answer

    def _order(self, request: BoxRequest) -> PlacedOrder | None:
        """Return the order that a request placed or cancels; of a list the lower that it placed, or a live one."""
        params, exchange = params_of(request.query, request.body), self.box.exchange
        if "orderListId" in params:
            of_list = [each for each in exchange.orders.values() if str(each.order.pair) == params["orderListId"]]
            return next((each for each in of_list if each.order.is_live), None)
        placed = params.get("newClientOrderId", params.get("belowClientOrderId"))
        name = placed if request.method == PLACES else params.get("origClientOrderId")
        return exchange.find(params.get("symbol", ""), params.get("orderId"), name)

    def _befall(self, name: str, symbol: str, request: BoxRequest, now_ms: int) -> None:
        """Let something happen to the exchange as a whole, or to a market of it."""
        exchange = self.box.exchange
        names = [symbol] if symbol in exchange.listings else list(exchange.listings)
        if name in {"precision_change", "delisting"}:
            if name in self._happened or (name == "delisting" and len(exchange.listings) < 2):
                return
            self._happened.add(name)
            if name == "delisting":
                exchange.delist(names[-1], now_ms)
            else:
                exchange.listings[self._dice.choice(names)].coarsen()
        elif name == "symbol_halt":
            symbol = self._dice.choice(names)
            exchange.listings[symbol].status = "HALT"
            self._halted[symbol] = now_ms + PAUSE_MS
        else:
            self._until[name] = now_ms + PAUSE_MS
            self._skew_ms = self._dice.choice([-PAUSE_MS, PAUSE_MS]) if name == "clock_skew" else self._skew_ms
        self._note(name, request, now_ms)

    def _note(self, name: str, request: BoxRequest, now_ms: int, **more: Any) -> None:
        params = params_of(request.query, request.body)
        client = params.get("newClientOrderId") or params.get("origClientOrderId") or ""
        entry = {"at_ms": now_ms, "fault": name, "method": request.method, "path": request.path}
        self.journal.append(entry | {"client_order_id": client} | more)


_PERHAPS = {"unexpected_response", "backend_timeout"}
_ORDER_PATHS = {
    "/api/v3/order",
    "/api/v3/order/cancelReplace",
    "/api/v3/order/oco",
    "/api/v3/orderList",
    "/api/v3/orderList/oco",
}
# Code, text and status.
_REFUSALS: dict[str, tuple[int, str, int]] = {
    "server_error_after": (-1000, "An unknown error occurred while processing the request.", 503),
    "unexpected_response": (
        -1006, "An unexpected response was received from the message bus. Execution status unknown.", 400,
    ),
    "backend_timeout": (
        -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 408,
    ),
}  # fmt: skip


def _meets(name: str, request: BoxRequest) -> bool:
    meets = FAULTS[name].meets
    if meets == "all":
        return request.path.startswith("/api/")
    method = CANCELS if meets == "cancels" else PLACES
    return request.method == method and request.path in _ORDER_PATHS


_BLOCKED = BoxAnswer(403, b"<html><body>Request blocked</body></html>", {}, HTML)


def _spoiled(name: str, answer: BoxAnswer) -> Delivery:
    """Return the answer that the caller gets in place of the true one."""
    if name in _REFUSALS:
        return Delivery(refusal_answer(ExchangeRefusal(*_REFUSALS[name])))
    if name == "duplicate_reject" and answer.status == 200:
        return Delivery(refusal_answer(rejected("Duplicate order sent.")))
    others = {
        **dict.fromkeys(("reply_lost_before", "reply_lost_after", "late_arrival"), Delivery(answer, "lost")),
        "html_403": Delivery(_BLOCKED),
        "empty_answer": Delivery(answer._replace(status=200, body=b"")),
        "truncated_answer": Delivery(answer, "half"),
        "fill_before_ack": Delivery(answer, wait_s=0.3),
    }
    return others.get(name, Delivery(answer))
