"""Nonces of processes of the operating system that use one key of Kraken at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import NamedTuple
from urllib.parse import parse_qs

from hypothesis import example, given
from hypothesis import strategies as st

from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.dialects.dialect import NativeCall
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.nonces import MICROSECONDS, OFF_S_MAX, ROUND_TRIP_S_MAX, RisingNonces
from support.exchange_server import Answer, Request, serving
from support.keyed_exchange import CREDENTIALS, KeyedExchange, says
from support.python_processes import python

REQUESTS = 150
NOW = 1_767_225_600.0
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
    now = [NOW]
    nonces = RisingNonces(lambda: now[0])
    nonces.heed(now[0] - OFF_S_MAX, now[0])
    assert nonces.following() == int(now[0] * MICROSECONDS)
    nonces.heed(now[0] + 60, now[0])
    ahead = nonces.following()
    assert ahead == int((now[0] + 60.5) * MICROSECONDS)
    # Back, they go on to rise one by one.
    nonces.heed(now[0], now[0])
    assert nonces.following() == ahead + 1
    now[0] += 100
    assert nonces.following() == int(now[0] * MICROSECONDS)


def heeded(off_s: float, there_s: float, back_s: float, fraction: float) -> float:
    """Return by how much nonces are off the exchange's clock after one answer to a process whose clock is off.

    Request and answer take their times there and back; the exchange is so far into a second of its clock.
    """
    true = [NOW + fraction]
    nonces = RisingNonces(lambda: true[0] + off_s)
    sent_s, true[0] = true[0] + off_s, true[0] + there_s
    stated_s, true[0] = float(int(true[0])), true[0] + back_s
    nonces.heed(stated_s, sent_s)
    return nonces.following() / MICROSECONDS - true[0]


waits, fractions = st.floats(0, 60), st.floats(0, 0.999)


@given(waits, waits, fractions)
@example(0.0, 1.9, 0.0)
@example(0.1, 30.0, 0.9)
def test_a_clock_that_is_right_is_left_alone_however_slow_the_answer_is(
    there_s: float, back_s: float, fraction: float
) -> None:
    assert abs(heeded(0.0, there_s, back_s, fraction)) < 1e-5


@given(st.floats(3.6, 10**6), st.booleans(), st.floats(0, 1), st.floats(0, 1), fractions)
def test_a_clock_that_is_off_is_right_to_a_second_and_a_half_after_one_answer(
    off_s: float, ahead: bool, there_s: float, back_s: float, fraction: float
) -> None:
    assert abs(heeded(off_s if ahead else -off_s, there_s, back_s, fraction)) <= 1.5 + 1e-5


def test_an_answer_that_is_slow_or_has_no_time_says_nothing_of_a_clock_that_was_put_right() -> None:
    now = [NOW]
    nonces = RisingNonces(lambda: now[0])
    nonces.heed(now[0] - 60, now[0])
    for stated_s, sent_s in ((now[0] - 60, now[0] - ROUND_TRIP_S_MAX - 0.1), (0.0, now[0]), (now[0], now[0] + 5)):
        nonces.heed(stated_s, sent_s)
        now[0] += 1
        assert nonces.following() == int((now[0] - 59.5) * MICROSECONDS)


def test_an_answer_that_takes_three_seconds_sets_no_nonce_back() -> None:
    """By the clock of the process the answer comes three seconds after the exchange stated its time in it."""
    waited_s, exchange = [0.0], KeyedExchange()

    def slow(request: Request) -> Answer:
        waited_s[0] += 3
        return says({"error": [], "result": {}})(request)

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=waited_s[0])

    exchange.private = slow
    with serving(exchange) as origin:
        credentials = {name: CREDENTIALS[name] for name in ("api_key", "secret")}
        client = KeyedClient(TERMS["kraken"], credentials, origin, clock=now, sleep=lambda _seconds: None)
        for _ in range(3):
            client.call(NativeCall("privatePostBalance", {}))
    nonces = [int(parse_qs(request.body)["nonce"][0]) for request in exchange.requests]
    assert all(after - before >= 3 * MICROSECONDS for before, after in pairwise(nonces))
