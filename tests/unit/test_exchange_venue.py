"""Paging, continuity and exactness of an exchange's bars, over an exchange in memory."""

import time
from bisect import bisect_left
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanfold.aws.clock import sleep_of, wall_sleep
from fanfold.desk import Instrument
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.market.source import BarsRequest, Failure
from fanfold.venues.ccxt import candles
from fanfold.venues.ccxt import venue as exchange
from fanfold.venues.ccxt.pace import BURST_S, Pace, pause_s
from fanfold.venues.ccxt.venue import ExchangeVenue

BTC = "BTC/USDT"
START = 1_767_225_600
RULES = Instrument(
    base="BTC", quote="USDT", tick=Decimal("0.01"), lot=Decimal("0.001"), notional_min=Decimal(5), as_of="", source=""
)


class Pages:
    """Minutes that an exchange has a candle for, by number from START, given out a page at a time."""

    timeframes = ("1m", "5m")

    def __init__(self, minutes: set[int], page: int, *, name: str = "binance", tail: bool = False) -> None:
        self.opens = [START + minute * 60 for minute in sorted(minutes)]
        self.page, self.name, self.tail = page, name, tail
        self.touches: tuple[object, object] = ("99", "101")
        self.requests = 0
        self.spoilt: set[int] = set()
        self.fails: Callable[[str], None] = lambda _symbol: None

    def load(self) -> None:
        pass

    def has(self, symbol: str) -> bool:
        return not symbol.startswith("NONE")

    def candles(self, symbol: str, _timeframe: str, opens_from: int, limit: int) -> list[list[object]]:
        self.requests += 1
        self.fails(symbol)
        opens = self.opens[bisect_left(self.opens, opens_from) :]
        if self.tail:
            opens = opens[-self.page :]
        if self.name == "okx":
            opens = [opened_s for opened_s in opens if opened_s < opens_from + limit * 60]
        return [
            [opened_s * 1_000, "1.10", "1.2", "1", "1.15", None if opened_s in self.spoilt else "3"]
            for opened_s in opens[: min(limit, self.page)]
        ]

    def touch(self, _symbol: str) -> tuple[object, object]:
        return self.touches


def venue(pages: Pages) -> ExchangeVenue:
    return ExchangeVenue(pages, dict.fromkeys([BTC, "ETH/USDT", "NONE/USDT"], RULES))  # type: ignore[arg-type]


def closes(minutes: set[int]) -> list[int]:
    return [START + (minute + 1) * 60 for minute in sorted(minutes)]


minutes = st.sets(st.integers(0, 40), max_size=40)
times = st.integers(-3, 45).map(lambda minute: START + minute * 60)


@given(minutes, times, times, st.integers(2, 9), st.sampled_from(["binance", "okx"]))
@example({0, 30}, START + 60, START + 40 * 60, 3, "okx")
def test_every_bar_of_the_span_is_found_whatever_the_page_and_the_quiet_minutes(
    listed: set[int], since: int, until: int, page: int, name: str
) -> None:
    got = venue(Pages(listed, page, name=name)).bars(BTC, "1m", since, until)
    assert [bar.closes_at_s for bar in got.bars] == [at for at in closes(listed) if since < at <= until]


@given(minutes, times, times, st.integers(2, 9), st.booleans())
def test_nothing_that_the_exchange_has_lies_unseen_between_after_and_the_first_bar(
    listed: set[int], since: int, until: int, page: int, tail: bool
) -> None:
    got = venue(Pages(listed, page, tail=tail)).bars(BTC, "1m", since, until)
    if got.bars and 0 < got.after <= since:
        between = [at for at in closes(listed) if got.after < at < got.bars[0].closes_at_s]
        assert between == []
        assert got.after in (*closes(listed), got.bars[0].closes_at_s - 60)


@given(minutes, st.integers(1, 45))
def test_a_page_that_holds_all_of_it_knows_the_bar_before_or_that_there_is_none(listed: set[int], at: int) -> None:
    since = START + at * 60
    got = venue(Pages(listed, 100)).bars(BTC, "1m", since, since + 600)
    assert got.after == max((close for close in closes(listed) if close <= since), default=0)


@given(st.integers(1, 40), times, times, st.integers(2, 9))
def test_an_exchange_that_only_keeps_its_newest_bars_never_hides_that_others_came_before(
    count: int, since: int, until: int, page: int
) -> None:
    listed = set(range(count))
    got = venue(Pages(listed, page, tail=True)).bars(BTC, "1m", since, until)
    if got.bars and got.after <= since:
        assert [at for at in closes(listed) if got.after < at < got.bars[0].closes_at_s] == []


def test_history_that_was_cut_at_its_front_is_stated_as_a_gap() -> None:
    got = venue(Pages(set(range(40)), 10, tail=True)).bars(BTC, "1m", START + 300, START + 2_400)
    assert got.after == got.bars[0].closes_at_s - 60 > START + 300


def test_a_poll_of_one_new_bar_asks_once() -> None:
    pages = Pages(set(range(40)), 1_000)
    got = venue(pages).bars(BTC, "1m", START + 600, START + 660)
    assert (len(got.bars), got.after, pages.requests) == (1, START + 600, 1)


def test_one_instrument_that_fails_leaves_the_others_and_the_order_of_the_answers() -> None:
    pages = Pages(set(range(40)), 100)

    def fails(symbol: str) -> None:
        if symbol == "ETH/USDT":
            raise VenueUnavailable("ETH is away")

    pages.fails = fails
    requests = [BarsRequest(symbol, "1m", START + 60, START + 180) for symbol in (BTC, "ETH/USDT", "NONE/USDT", BTC)]
    first, away, none, again = venue(pages).bars_of(requests)
    assert first == again == venue(pages).bars(*requests[0])
    assert away == Failure(requests[1], "ETH is away")
    assert isinstance(none, Failure)
    assert "NONE/USDT is not traded at binance" in none.reason


def test_a_timeframe_that_the_exchange_does_not_have_is_wrong_input() -> None:
    with pytest.raises(BadInput, match=r"7m.*1m, 5m"):
        venue(Pages(set(), 9)).bars(BTC, "7m", 0, 60)


@pytest.mark.parametrize("touches", [(None, "1"), ("", "1"), ("2", "1"), ("0", "1"), ("1", None)])
def test_a_market_without_sound_prices_has_no_quote(touches: tuple[object, object]) -> None:
    pages = Pages(set(), 9)
    pages.touches = touches
    with pytest.raises(VenueUnavailable, match=BTC):
        venue(pages).quote(BTC)


figures = st.decimals(min_value=0, max_value=10**9, places=12, allow_nan=False)


@given(st.lists(st.tuples(figures, figures, figures, figures, figures), min_size=1, max_size=5))
def test_prices_and_volumes_keep_every_digit(rows: list[tuple[Decimal, ...]]) -> None:
    whole = [*rows, (Decimal(1),) * 5]
    read = candles.read([[at * 60_000, *map(str, row)] for at, row in enumerate(whole)], 60)
    got = candles.series(BTC, "1m", RULES, 0, read)
    for bar, row in zip(got.bars, whole, strict=True):
        assert [got.price(ticks) for ticks in bar[1:5]] == list(row[:4])
        assert got.volume(bar.volume) == row[4]
    assert got.price_scale >= 2
    assert got.volume_scale >= 3


GOOD = [60_000, "1", "1", "1", "1", "1"]
WITHOUT_A_NUMBER = [[0, "1", "nan", "1", "1", "1"], [0, "1", "1", "1", "x", "1"], [0, "1", "1", "1", "1", None]]
WITHOUT_NUMBERS = [[0, "1"], [0, 1.5, 2.0, 1.0, 1.5, 3.0], [0, *[None] * 5], [0]]
WITHOUT_A_TIME = [[None, "1", "1", "1", "1", "1"], ["soon", "1", "1", "1", "1", "1"], [float("inf")], [], 7, None]


@pytest.mark.parametrize("row", [*WITHOUT_NUMBERS, *WITHOUT_A_TIME])
def test_an_answer_without_a_candle_is_refused(row: object) -> None:
    with pytest.raises(VenueUnavailable, match="a candle that is none"):
        candles.read([row, row], 60)


@pytest.mark.parametrize("row", [*WITHOUT_A_NUMBER, *WITHOUT_NUMBERS])
def test_a_candle_without_a_number_is_empty_and_leaves_the_others(row: object) -> None:
    empty, good = candles.read([row, GOOD], 60)
    assert (empty.closes_at_s, set(empty[1:])) == (60, {0})
    assert (good.closes_at_s, set(good[1:])) == (120, {1})


@pytest.mark.parametrize("row", WITHOUT_A_TIME)
def test_a_candle_without_a_time_is_left_out_and_logged(row: object, caplog: pytest.LogCaptureFixture) -> None:
    assert [candle.closes_at_s for candle in candles.read([GOOD, row], 60)] == [120]
    assert "1 candles without a time are left out" in caplog.text


@given(minutes, st.sets(st.integers(0, 40)), st.integers(0, 44))
def test_the_close_before_a_series_ignores_invalid_candles(listed: set[int], spoilt: set[int], at: int) -> None:
    pages = Pages(listed, 100)
    pages.spoilt = {START + minute * 60 for minute in spoilt}
    got = venue(pages).bars(BTC, "1m", START + at * 60, START + 45 * 60)
    sound = [close for close in closes(listed - spoilt) if close <= START + at * 60]
    assert got.after == max(sound, default=0)


class Hands:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_requests_keep_the_pace_after_a_short_burst() -> None:
    hands = Hands()
    pace = Pace("x", 50, lambda: hands.now, hands.sleep)
    for _ in range(100):
        pace.take(2)
    assert hands.now - 1_000 == pytest.approx(100 * 0.1 - BURST_S)


def test_a_held_pace_refuses_at_once_until_the_time_is_over() -> None:
    hands = Hands()
    pace = Pace("x", 50, lambda: hands.now, hands.sleep)
    pace.hold(30)
    pace.hold(1)
    with pytest.raises(VenueUnavailable, match="30 s"):
        pace.take()
    hands.now += 30
    pace.take()


def test_a_clock_that_is_set_by_hand_is_not_waited_for() -> None:
    assert sleep_of("wall") is wall_sleep
    began = time.monotonic()
    pace = Pace("x", 50, lambda: 1_000.0, sleep_of("market:clock"))
    for _ in range(100):
        pace.take(2)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [
        ("7", "", 7),
        ("", "IP banned until 1767225690000.", 90),
        ("Thu, 01 Jan 2026 00:00:05 GMT", "", 5),
        ("Thu, 01 Jan 2026 00:00:05", "", 5),
        ("soon", "", 60),
        ("", "", 60),
    ],
)
def test_a_pause_is_read_from_the_header_the_text_or_taken_as_a_minute(header: str, text: str, seconds: int) -> None:
    assert pause_s(header, text, START) == seconds


MARKET = {
    "base": "BTC",
    "quote": "USDT",
    "active": True,
    "spot": True,
    "contract": False,
    "precision": {"price": "0.1", "amount": "0.00000001"},
    "limits": {"amount": {"min": "0.00001", "max": "9999999999"}, "cost": {"min": None, "max": None}},
}


def test_the_least_and_most_of_an_order_are_the_venues_own_and_not_the_lot() -> None:
    rules = exchange._instrument("okx", BTC, {BTC: MARKET}, "2026-03-01")
    assert (rules.amount_min, rules.amount_max, rules.lot) == (
        Decimal("0.00001"),
        Decimal(9999999999),
        Decimal("0.00000001"),
    )


@pytest.mark.parametrize("limits", [{"cost": {"min": None}}, {"cost": {"min": None}, "amount": {"min": None}}])
def test_a_venue_that_states_no_amounts_has_no_such_rule(limits: dict[str, object]) -> None:
    rules = exchange._instrument("okx", BTC, {BTC: MARKET | {"limits": limits}}, "2026-03-01")
    assert (rules.amount_min, rules.amount_max) == (0, 0)


@pytest.mark.parametrize("changes", [{"spot": False, "contract": True, "linear": True}, {"contract": True}])
def test_a_contract_is_no_instrument_of_a_spot_account(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"BTC/USDT:USDT is a contract at okx.*BTC/USDT"):
        exchange._instrument("okx", "BTC/USDT:USDT", {"BTC/USDT:USDT": MARKET | changes}, "2026-03-01")
