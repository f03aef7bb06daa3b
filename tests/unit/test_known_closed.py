"""A venue's newest bar is given only when a later one or the venue's own clock proves that it is closed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.desk import Instrument
from fanfold.market.bars import Series
from fanfold.market.source import BarsRequest
from fanfold.venues.ccxt.venue import ExchangeVenue

BTC = "BTC/USDT"
START = 1_767_225_600
RULES = Instrument(
    base="BTC", quote="USDT", tick=Decimal("0.01"), lot=Decimal("0.001"), notional_min=Decimal(5), as_of="", source=""
)
GRACE_S = 2


class Ticking:
    """An exchange whose candles change until they are final, a second after their close; some minutes are quiet.

    ``fast_s`` is how far this machine's clock is ahead of the exchange's, which only a sleep moves.
    """

    name, page, timeframes = "binance", 1_000, ("1m",)

    def __init__(self, now: float, *, fast_s: float = 0, quiet: Sequence[int] = (), dated: bool = True) -> None:
        self.now, self.fast_s, self.quiet, self.dated = now, fast_s, quiet, dated
        self.slept = 0.0
        self.requests = 0

    def load(self) -> None:
        pass

    def has(self, _symbol: str) -> bool:
        return True

    def candles(self, _symbol: str, _timeframe: str, opens_from: int, limit: int) -> list[list[object]]:
        self.requests += 1
        opens = [
            opened_s
            for opened_s in range(opens_from, int(self.now) + 1, 60)
            if (opened_s - START) // 60 not in self.quiet
        ]
        return [[opened_s * 1_000, "1", "1", "1", "1", self._volume(opened_s)] for opened_s in opens[:limit]]

    def _volume(self, opens: int) -> str:
        return "9" if self.now >= opens + 61 else "5"

    def responded_at_s(self) -> float:
        return float(int(self.now)) if self.dated else 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds

    def here(self) -> float:
        return self.now + self.fast_s

    def poll(self, minute: int) -> Series:
        """The answer to what a poll asks that takes this minute for closed, with two bars of before."""
        venue = ExchangeVenue(
            self,  # type: ignore[arg-type]
            {BTC: RULES},
            lambda: datetime.fromtimestamp(self.here(), UTC),
            responded_at_s=self.responded_at_s,
            grace_s=GRACE_S,
            sleep=self.sleep,
        )
        (answer,) = venue.bars_of([BarsRequest(BTC, "1m", START + 60 * (minute - 3), START + 60 * minute)])
        assert isinstance(answer, Series)
        return answer


def closes(series: Series) -> list[int]:
    return [(bar.closes_at_s - START) // 60 for bar in series.bars]


@pytest.mark.parametrize("dated", [True, False])
def test_a_bar_that_is_finished_after_the_next_has_opened_is_waited_for(dated: bool) -> None:
    exchange = Ticking(START + 600.5, dated=dated)
    series = exchange.poll(10)
    assert closes(series) == [8, 9, 10]
    assert {bar.volume for bar in series.bars} == {9_000}
    assert 1 < exchange.slept <= GRACE_S


def test_where_an_exchange_s_clock_stands_a_bar_comes_a_minute_later_proven_by_two() -> None:
    exchange = Ticking(START + 665)
    exchange.responded_at_s = lambda: float(START)
    assert closes(exchange.poll(10)) == [8, 9]
    assert closes(exchange.poll(11)) == [9, 10]


@given(st.floats(0, 59.9), st.integers(1, 3))
def test_no_bar_is_revised_if_the_exchange_finishes_it_within_its_grace(into: float, ahead: int) -> None:
    exchange = Ticking(START + 600 + into, quiet=range(12, 12 + ahead))
    first_read = {bar.closes_at_s: bar for bar in exchange.poll(10).bars}
    exchange.now += 600
    final = {bar.closes_at_s: bar for bar in exchange.poll(10).bars}
    assert first_read == {at: final[at] for at in first_read}
    assert max(first_read) == START + 600


def test_the_newest_bar_waits_for_the_venues_grace_and_is_final_then() -> None:
    exchange = Ticking(START + 600.5, quiet=[10])
    series = exchange.poll(10)
    assert closes(series) == [8, 9, 10]
    assert {bar.volume for bar in series.bars} == {9_000}
    assert exchange.slept == GRACE_S


def test_once_the_grace_is_over_nothing_is_waited_for() -> None:
    exchange = Ticking(START + 605, quiet=[10])
    assert closes(exchange.poll(10)) == [8, 9, 10]
    assert (exchange.requests, exchange.slept) == (1, 0)


@given(st.floats(0, 600), st.floats(0, 59))
def test_no_clock_of_this_machine_makes_a_bar_closed(fast_s: float, into: float) -> None:
    exchange = Ticking(START + 540 + into, fast_s=fast_s)
    series = exchange.poll(int(exchange.here() - START) // 60)
    assert all(bar.volume == 9_000 for bar in series.bars if bar.closes_at_s + 1 <= exchange.now)
    assert all(bar.closes_at_s <= exchange.now for bar in series.bars)


def test_an_exchange_that_dates_no_answer_proves_a_bar_by_the_next_one_alone() -> None:
    quiet = Ticking(START + 659, quiet=[10], dated=False)
    assert closes(quiet.poll(10)) == [8, 9]
    later = Ticking(START + 665, dated=False)
    assert closes(later.poll(10)) == [8, 9, 10]
    assert later.slept == 0
