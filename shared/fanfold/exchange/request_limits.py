"""Request weights and order counts, with 429 and then 418 for who goes on."""

from typing import Any

import msgspec

from fanfold.exchange.refusals import ExchangeRefusal

MINUTE_MS = 60_000
BAN_MS = 120_000
# Requests over the limit that are answered with 429 before the address is banned.
PATIENCE = 10
_SPELLED = {"10S": "10 SECOND", "1D": "1 DAY"}


class RequestLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of an exchange: weight a minute, and orders that did not fill in ten seconds and in a day."""

    weight: int = 6_000
    orders_10s: int = 100
    orders_day: int = 200_000


class RequestMeter:
    """The use of the limits, by the exchange's clock, in windows that begin on whole multiples of their length."""

    def __init__(self, limits: RequestLimits) -> None:
        self.limits = limits
        self.banned_until_ms = 0
        self._refused = 0
        self._counts: dict[tuple[str, int], int] = {}

    def weigh(self, weight: int, now_ms: int) -> int:
        """Count a request and return the weight used in this minute. Raises ExchangeRefusal, status 429 or 418."""
        if now_ms < self.banned_until_ms:
            raise self._ban()
        used = self._add("weight", MINUTE_MS, weight, now_ms)
        if used <= self.limits.weight:
            self._refused = 0
            return used
        raise self.refuse(now_ms)

    def refuse(self, now_ms: int) -> ExchangeRefusal:
        """Return the refusal of a request over the limit; one too many of them is a ban."""
        self._refused += 1
        if now_ms < self.banned_until_ms:
            return self._ban()
        if self._refused > PATIENCE:
            self._refused, self.banned_until_ms = 0, now_ms + BAN_MS
            return self._ban()
        text = (
            f"Too much request weight used; current limit is {self.limits.weight} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return ExchangeRefusal(-1003, text, 429)

    def _ban(self) -> ExchangeRefusal:
        text = (
            f"Way too much request weight used; IP banned until {self.banned_until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return ExchangeRefusal(-1003, text, 418)

    def retry_after_s(self, now_ms: int) -> int:
        """Return how long a caller that was refused should wait."""
        if now_ms < self.banned_until_ms:
            return -(-(self.banned_until_ms - now_ms) // 1_000)
        return (MINUTE_MS - now_ms % MINUTE_MS) // 1_000 + 1

    def count_orders(self, orders: int, now_ms: int) -> dict[str, str]:
        """Count new orders and return the headers that say so. Raises ExchangeRefusal, status 429, over the limit."""
        headers = {}
        for name, length_ms, limit in self._order_windows():
            if self._count(name, length_ms, now_ms) + orders > limit:
                text = f"Too many new orders; current limit is {limit} orders per {_SPELLED[name]}."
                raise ExchangeRefusal(-1015, text, 429)
        for name, length_ms, _ in self._order_windows():
            headers[f"X-MBX-ORDER-COUNT-{name}"] = str(self._add(name, length_ms, orders, now_ms))
        return headers

    def forgive(self, now_ms: int) -> None:
        """Take an order that has filled out of the counts."""
        for name, length_ms, _ in self._order_windows():
            if self._count(name, length_ms, now_ms):
                self._add(name, length_ms, -1, now_ms)

    def order_counts(self, now_ms: int) -> list[dict[str, Any]]:
        intervals = (("SECOND", 10), ("DAY", 1))
        return [
            {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit,
             "count": self._count(name, length_ms, now_ms)}
            for (interval, number), (name, length_ms, limit) in zip(intervals, self._order_windows(), strict=True)
        ]  # fmt: skip

    def usage(self, now_ms: int, *, orders: bool) -> list[dict[str, Any]]:
        """Return the limits with what is used of each, as the WebSocket API tells them with every answer."""
        weight = self.documents()[0] | {"count": self._count("weight", MINUTE_MS, now_ms)}
        return [*(self.order_counts(now_ms) if orders else []), weight]

    def documents(self) -> list[dict[str, Any]]:
        """Return the limits as exchangeInfo tells them."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight),
            ("ORDERS", "SECOND", 10, self.limits.orders_10s),
            ("ORDERS", "DAY", 1, self.limits.orders_day),
        )
        return [dict(zip(("rateLimitType", "interval", "intervalNum", "limit"), row, strict=True)) for row in rows]

    def _order_windows(self) -> tuple[tuple[str, int, int], ...]:
        return (("10S", 10_000, self.limits.orders_10s), ("1D", 86_400_000, self.limits.orders_day))

    def _count(self, name: str, length_ms: int, now_ms: int) -> int:
        return self._counts.get((name, now_ms // length_ms), 0)

    def _add(self, name: str, length_ms: int, amount: int, now_ms: int) -> int:
        window = now_ms // length_ms
        self._counts = {key: used for key, used in self._counts.items() if key[0] != name or key[1] == window}
        self._counts[name, window] = self._counts.get((name, window), 0) + amount
        return self._counts[name, window]
