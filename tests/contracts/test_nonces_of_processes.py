"""Nonces of processes of the operating system that use one key of Kraken at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple
from urllib.parse import parse_qs

from fanfold.venues.ccxt.nonces import MICROSECONDS, OFF_S_MAX, RisingNonces
from support.exchange_server import Answer, Request, serving
from support.keyed_exchange import KeyedExchange, says
from support.python_processes import python

REQUESTS = 150
WINDOW_S = 3


class StrictKraken(KeyedExchange):
    """Takes a nonce once, and none that is further below the highest than the key's window."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.private = self._checked
        self._window = window
        self._used: set[int] = set()
        # Nonces that two processes took in the same microsecond.
        self.equal = 0
        self._lock = Lock()

    def _checked(self, request: Request) -> Answer:
        nonce = int(parse_qs(request.body)["nonce"][0])
        with self._lock:
            self.equal += nonce in self._used
            refused = nonce in self._used or nonce + self._window <= max(self._used, default=0)
            if not refused:
                self._used.add(nonce)
        return says({"error": ["EAPI:Invalid nonce"] if refused else [], "result": {}})(request)


class Refused(NamedTuple):
    """The refused requests of each process, and how many were so for another's nonce of the same microsecond."""

    counts: list[int]
    equal: int


def refused(seconds_off: list[float]) -> Refused:
    """Let processes, each with its clock off, send hundreds of requests a second at once."""
    exchange = StrictKraken(WINDOW_S * MICROSECONDS)
    with serving(exchange) as origin, ThreadPoolExecutor() as pool:
        printed = pool.map(
            lambda off: python("-m", "support.asking_process", origin, str(REQUESTS), str(off)), seconds_off
        )
        counts = [int(text) for text in printed]
    assert len(exchange.requests) == REQUESTS * len(seconds_off)
    return Refused(counts, exchange.equal)


def test_two_processes_that_send_at_once_are_refused_nothing_but_an_equal_microsecond() -> None:
    """At some 900 requests a second two nonces are equal in one run of six; a desk sends a few a minute."""
    result = refused([0.0, 0.0])
    assert sum(result.counts) == result.equal
    assert result.equal <= 5


def test_a_process_whose_clock_is_behind_follows_the_exchanges_after_its_first_answer() -> None:
    result = refused([0.0, -60.0])
    in_time, behind = result.counts
    # What was sent before the first answer came, at the most.
    assert in_time + behind - result.equal <= 1
    assert in_time <= result.equal


def test_only_a_clock_that_is_off_is_put_right() -> None:
    now = [1_767_225_600.0]
    nonces = RisingNonces(lambda: now[0])
    nonces.heed(now[0] - OFF_S_MAX)
    assert nonces.following() == int(now[0] * MICROSECONDS)
    nonces.heed(now[0] + 60)
    ahead = nonces.following()
    assert ahead == int((now[0] + 60.5) * MICROSECONDS)
    # Back, they go on to rise one by one.
    nonces.heed(now[0])
    assert nonces.following() == ahead + 1
    now[0] += 100
    assert nonces.following() == int(now[0] * MICROSECONDS)
