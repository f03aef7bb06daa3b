"""The five exchanges in virtual time: each answers at once or late, and what the pace waits for moves the clock."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from execution_service.real import RealAccount
from fanfold import ids
from fanfold.errors import AT_ONCE, VenueUnavailable
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import MoveCursor, MoveOrder
from fanfold.ledger.orders import Harmless, OrderRecord, acknowledge, claim
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import Order, TradingState
from fanfold.trading.terms import TERMS, client_id
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.exchange_server import Exchange
from support.execution_world import halted
from support.keyed_exchange import CREDENTIALS, NEEDED, PLAIN_SECRET
from support.real_world import D, RealWorld, order

START = datetime(2026, 3, 1, tzinfo=UTC)
# How an exchange writes a pair.
PAIRS = {"okx": "{}-USDT", "coinbase": "{}-USDT"}
QUIET: dict[str, Any] = {
    "myTrades": [], "apiRestrictions": {"enableWithdrawals": False}, "account": {"balances": []},
    "TradesHistory": {"error": [], "result": {"trades": {}}},
    "BalanceEx": {"error": [], "result": {}}, "CancelAllOrdersAfter": {"error": [], "result": {}},
    "fills": {"code": "0", "data": [], "fills": [], "cursor": ""},
    "fills-history": {"code": "0", "data": []},
    "balance": {"code": "0", "data": [{"details": []}]},
    "config": {"code": "0", "data": [{"perm": "read_only,trade"}]},
    "cancel-all-after": {"code": "0", "data": [{}]},
    "list": {"retCode": 0, "result": {"list": []}},
    "wallet-balance": {"retCode": 0, "result": {"list": [{"coin": []}]}},
    "query-api": {"retCode": 0, "result": {"permissions": {"Spot": ["SpotTrade"]}}},
    "accounts": {"accounts": [], "cursor": ""}, "key_permissions": {"can_transfer": False},
}  # fmt: skip


class PacedWorld(RealWorld):
    """An account with entries that rest at an exchange, one in each of ``count`` instruments.

    Each answer takes ``answer_s``; a process may begin requests until it has been running for ``ends_after_s``.
    """

    def __init__(self, exchange: str, count: int, answer_s: float, ends_after_s: float) -> None:
        super().__init__()
        self.exchange, self.now = exchange, START
        self.answer_s, self.ends_after_s, self.began = answer_s, ends_after_s, START
        self.bases = [f"C{number:03}" for number in range(count)]
        self.requests: list[str] = []
        self.opened: dict[str, Order] = {}
        self.ended: dict[str, Order] = {}
        names = [f"{base}/USDT" for base in self.bases]
        rules = next(iter(self.desk.instruments.values()))
        venue = msgspec.structs.replace(self.desk.venues["v"], symbols=names)
        instruments = {name: msgspec.structs.replace(rules, base=name.split("/")[0]) for name in names}
        self.desk = msgspec.structs.replace(self.desk, instruments=instruments, venues={"v": venue})
        for number, name in enumerate(names):
            self.rest(number, name)

    def rest(self, number: int, instrument: str) -> None:
        """Let an entry rest, in the ledger and at the exchange."""
        day = timedelta(days=1)
        entry = order(f"e{number}", instrument, client_order_id=ids.client_order_id(f"e{number}"), reserved=D(10))
        entry = msgspec.structs.replace(
            entry, decided_at=START, expires_at=START + day, limit_price=D(90), kind="limit"
        )
        self.approve(entry)
        fresh = OrderRecord(order=entry)
        claimed = claim(fresh, START, 5, Harmless.UNSENT)
        self.ledger.store.commit([MoveOrder(fresh, claimed), MoveCursor("main", instrument, START)])
        self.ledger.store.commit([MoveOrder(claimed, acknowledge(claimed, f"9{number:03}"))])
        self.opened[f"9{number:03}"] = entry

    def process(self) -> RealAccount:
        """A process that begins now, cold, with its own pace."""
        self.began = self.now
        terms = TERMS[self.exchange]
        key = {name: CREDENTIALS[name] for name in NEEDED.get(self.exchange, ("api_key", "secret"))}
        key |= {"secret": PLAIN_SECRET} if self.exchange == "coinbase" else {}
        client = KeyedClient(
            terms, key, clock=self.clock, sleep=self.wait, symbols=self.desk.venues["v"].symbols, ends=self.ends
        )
        self.client = client
        client._ccxt.fetch = self.fetch
        venue = ExchangeTrading(terms, client, self.clock)
        with suppress(VenueUnavailable):
            venue.check_key()
        bookings = Bookings(self.ledger.store, AT_ONCE, beside=changes_of(self.desk))
        return RealAccount("main", self.desk, bookings, venue, self.clock, self.events)

    def clock(self) -> datetime:
        return self.now

    def ends(self) -> float:
        return self.began.timestamp() + self.ends_after_s

    def takes(self, act: Callable[[], object]) -> float:
        """Do what an invocation does; return how many seconds it took."""
        self.began = self.now
        act()
        return (self.now - self.began).total_seconds()

    def kill(self, account: RealAccount) -> None:
        """Handle the message of a halt."""
        account.cancel_barred(halted(TradingState.HALTED, self.now))
        account.sweep_due(self.ledger.live("main"))

    def fetch(self, url: str, method: str = "GET", _headers: Any = None, body: Any = None) -> Any:
        self.wait(self.answer_s)
        own = self.client._ccxt.answered
        own.sent, own.status, own.body = True, 200, "{}"
        split = urlsplit(url)
        query = dict(parse_qsl(split.query))
        text = str(body or "")
        sent = json.loads(text) if text.startswith("{") else dict(parse_qsl(text))
        what = split.path.rsplit("/", 1)[1]
        self.requests.append(f"{method} {what}")
        if what in QUIET:
            return QUIET[what]
        answer = self.orders_at(split.path, method, query | sent)
        return self.markets(split.path, query) if answer is None else answer

    def markets(self, path: str, query: dict[str, str]) -> Any:
        """Return the markets of all instruments, as one of each would be written."""
        answers = [json.loads(Exchange(base).answer(path, query).body) for base in self.bases]
        whole = answers[0]
        for more in answers[1:]:
            _append(whole, more)
        return whole

    def orders_at(self, path: str, method: str, sent: dict[str, Any]) -> Any:
        """Return what an exchange answers about orders; None where the request is about something else."""
        known = {**self.opened, **self.ended}
        written = {name: self.write(name, each) for name, each in known.items()}
        opened = [written[name] for name in self.opened]
        what = f"{method} {path.rsplit('/', 1)[1]}"
        name = str(next((sent[key] for key in ("orderId", "txid", "ordId", "order_ids") if key in sent), ""))
        name = sent["order_ids"][0] if "order_ids" in sent else name
        if what == "DELETE order":
            self.ended |= {name: self.opened.pop(name)} if name in self.opened else {}
            return self.write(name, self.ended[name])
        if what in ("POST CancelOrder", "POST cancel-order", "POST cancel", "POST batch_cancel"):
            self.ended |= {name: self.opened.pop(name)} if name in self.opened else {}
            return {"code": "0", "data": [{"sCode": "0"}], "error": [], "result": {"count": 1}, "results": []}
        listed = list(written.values()) if not name else [written[name]]
        return {
            "GET openOrders": opened,
            "GET order": written.get(name) if self.exchange == "binance" else {"code": "0", "data": listed},
            "POST OpenOrders": {"error": [], "result": {"open": {each: written[each] for each in self.opened}}},
            "POST ClosedOrders": {"error": [], "result": {"closed": {each: written[each] for each in self.ended}}},
            "POST QueryOrders": {"error": [], "result": {name: written.get(name)}},
            "GET orders-pending": {"code": "0", "data": opened},
            "GET realtime": {"retCode": 0, "result": {"list": [written[name]] if name else opened}},
            "GET batch": {"orders": opened, "cursor": ""},
            **{f"GET {each}": {"order": written[each]} for each in written},
        }.get(what)

    def write(self, name: str, entry: Order) -> dict[str, Any]:
        """Return an order as the exchange writes it."""
        pair = PAIRS.get(self.exchange, "{}USDT").format(entry.instrument.split("/")[0])
        is_open, client = name in self.opened, client_id(TERMS[self.exchange], entry.client_order_id)
        side = "buy" if self.exchange == "okx" else "BUY"
        at_ms, size = int(START.timestamp() * 1_000), f"{entry.quantity:f}"
        configuration = {"limit_limit_gtc": {"base_size": size, "limit_price": "90", "post_only": False}}
        descr = {"pair": pair, "type": "buy", "ordertype": "limit", "price": "90"}
        states = {"binance": ("NEW", "CANCELED"), "coinbase": ("OPEN", "CANCELLED"), "kraken": ("open", "canceled")}
        return {
            "symbol": pair, "orderId": name, "clientOrderId": client, "price": "90", "origQty": size,
            "executedQty": "0", "cummulativeQuoteQty": "0", "type": "LIMIT", "side": side, "time": at_ms,
            "orderListId": -1, "status": states.get(self.exchange, ("", ""))[not is_open],
            "cl_ord_id": client, "opentm": at_ms / 1_000, "vol": size, "vol_exec": "0", "cost": "0", "fee": "0",
            "descr": descr, "oflags": "fciq", "ordId": name, "clOrdId": client, "instId": pair, "instType": "SPOT",
            "state": "live" if is_open else "canceled", "sz": size, "accFillSz": "0", "px": "90", "ordType": "limit",
            "cTime": str(at_ms), "orderLinkId": client, "orderStatus": "New" if is_open else "Cancelled",
            "qty": size, "cumExecQty": "0", "orderType": "Limit", "createdTime": str(at_ms), "timeInForce": "GTC",
            "order_id": name, "client_order_id": client, "product_id": pair, "order_configuration": configuration,
            "filled_size": "0", "created_time": START.isoformat(), "average_filled_price": "0",
        }  # fmt: skip


def _append(whole: Any, more: Any) -> None:
    """Add what another document holds in lists, and under names of its own."""
    for name, value in more.items():
        if isinstance(value, list):
            whole[name] += value
        elif isinstance(value, dict):
            _append(whole.setdefault(name, {}), value) if name in whole else None
        if name not in whole:
            whole[name] = value
