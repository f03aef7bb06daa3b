"""The seeded market is the same everywhere, looks like a market, and has the defects a feed has."""

from decimal import Decimal
from hashlib import sha256
from itertools import pairwise

import pytest

from fanfold.errors import BadInput
from fanfold.market import quality
from fanfold.market.bars import Series
from fanfold.market.quality import CheckedRow, DefectKind
from fanfold.simulation.market import OUTAGE, SILENCE, catalogue, market

START = 1_767_225_600
DAY = 1440
NAMES = list(catalogue())


@pytest.fixture(scope="module")
def day() -> dict[str, Series]:
    return {series.instrument: series for series in market(7, NAMES, DAY, START)}


def returns(series: Series) -> list[float]:
    return [later.close / earlier.close - 1 for earlier, later in pairwise(series.bars)]


def correlation(left: list[float], right: list[float]) -> float:
    mean_left, mean_right = sum(left) / len(left), sum(right) / len(right)
    pairs = [(a - mean_left, b - mean_right) for a, b in zip(left, right, strict=True)]
    spread = sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs)
    return sum(a * b for a, b in pairs) / float(spread**0.5)


def test_a_seed_gives_the_very_bars_it_always_gave() -> None:
    """A change of these figures changes every demonstration and golden run."""
    bars = [(series.instrument, [tuple(bar) for bar in series.bars]) for series in market(1, NAMES, 120, START)]
    assert sha256(repr(bars).encode()).hexdigest()[:16] == "16e747daafd1c61f"


def test_another_seed_gives_another_market() -> None:
    assert market(1, NAMES, 10, START) != market(2, NAMES, 10, START)


def test_an_instrument_does_not_depend_on_the_others_asked_for(day: dict[str, Series]) -> None:
    assert market(7, ["XRP/USDT"], DAY, START) == [day["XRP/USDT"]]


def test_a_longer_market_begins_with_the_shorter_one(day: dict[str, Series]) -> None:
    for short in market(7, NAMES, 400, START):
        assert short.bars == day[short.instrument].bars[: len(short.bars)]


def test_its_only_defects_are_the_outage_and_the_silent_minute(day: dict[str, Series]) -> None:
    for name, series in day.items():
        rows = [CheckedRow(bar.closes_at_s - 60, *bar[1:]) for bar in series.bars]
        findings = quality.check(name, "1m", rows, Decimal("0.05")).findings
        counts = {finding.defect: finding.count for finding in findings}
        expected = {DefectKind.GAP: len(OUTAGE[1])} if name == OUTAGE[0] else {}
        assert counts == (expected | ({DefectKind.ZERO_VOLUME: 1} if name == SILENCE[0] else {})), name


def test_every_instrument_trades_near_the_price_its_rules_fit(day: dict[str, Series]) -> None:
    for name, rules in catalogue().items():
        series = day[name]
        assert series.price(1) == rules.tick
        assert series.volume(1) == rules.lot
        assert all(rules.tick * 1000 < series.price(bar.low) for bar in series.bars)


@pytest.mark.parametrize("seed", range(5))
def test_prices_stay_in_a_plausible_range_for_a_month(seed: int) -> None:
    (series,) = market(seed, ["BTC/USDT"], 30 * DAY, START)
    closes = [float(series.price(bar.close)) for bar in series.bars]
    assert min(closes) > 20_000
    assert max(closes) < 200_000
    assert max(abs(change) for change in returns(series)) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_day_has_moves_worth_trading(seed: int) -> None:
    (series,) = market(seed, ["BTC/USDT"], DAY, START)
    closes = [bar.close for bar in series.bars]
    assert max(closes) / min(closes) > 1.02


def test_bitcoin_and_ether_move_together_and_their_ratio_reverts(day: dict[str, Series]) -> None:
    btc, eth = day["BTC/USDT"], day["ETH/USDT"]
    assert correlation(returns(btc), returns(eth)) > 0.6
    ratios = [a.close / b.close for a, b in zip(eth.bars, btc.bars, strict=True)]
    middle = (max(ratios) + min(ratios)) / 2
    crossings = sum((a < middle) != (b < middle) for a, b in pairwise(ratios))
    assert crossings > 5


def test_an_unlisted_instrument_and_a_broken_minute_are_refused() -> None:
    with pytest.raises(BadInput, match="has no DOGE/USDT; it lists BTC/USDT"):
        market(1, ["DOGE/USDT"], 10, START)
    with pytest.raises(BadInput, match="starts on a whole minute"):
        market(1, NAMES, 10, START + 1)
