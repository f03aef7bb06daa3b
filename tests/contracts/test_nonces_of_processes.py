"""Nonces of processes of the operating system that use one key of Kraken at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
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
        self._lock = Lock()

    def _checked(self, request: Request) -> Answer:
        nonce = int(parse_qs(request.body)["nonce"][0])
        with self._lock:
            refused = nonce in self._used or nonce + self._window <= max(self._used, default=0)
            if not refused:
                self._used.add(nonce)
        return says({"error": ["EAPI:Invalid nonce"] if refused else [], "result": {}})(request)


def refused(seconds_off: list[float]) -> list[int]:
    """Let processes, each with its clock off, send at once; return how many requests of each were refused."""
    exchange = StrictKraken(WINDOW_S * MICROSECONDS)
    with serving(exchange) as origin, ThreadPoolExecutor() as pool:
        printed = pool.map(
            lambda off: python("-m", "support.asking_process", origin, str(REQUESTS), str(off)), seconds_off
        )
        counts = [int(text) for text in printed]
    assert len(exchange.requests) == REQUESTS * len(seconds_off)
    return counts


def test_two_processes_that_send_at_once_are_refused_nothing() -> None:
    assert refused([0.0, 0.0]) == [0, 0]


def test_a_process_whose_clock_is_behind_follows_the_exchanges_after_its_first_answer() -> None:
    in_time, behind = refused([0.0, -60.0])
    assert in_time == 0
    # What was sent before the first answer came, at the most.
    assert behind <= 1


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
