"""Candles of every interval, as the market has walked them so far."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold import money
from fanfold.exchange.liquidity import Step, SymbolMarket
from fanfold.exchange.parameters import Params, whole
from fanfold.exchange.refusals import ExchangeRefusal, invalid, missing, text8
from fanfold.money import ZERO, exact

DAY_MS = 86_400_000
MONTH = "1M"
# Interval -> its length in seconds, of a month the longest. Those of a second are not walked.
INTERVALS = {
    "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200, "4h": 14_400, "6h": 21_600,
    "8h": 28_800, "12h": 43_200, "1d": 86_400, "3d": 259_200, "1w": 604_800, MONTH: 2_678_400,
}  # fmt: skip
# The first day of the clock was a Thursday, and weeks begin on Mondays.
MONDAY_MS = 4 * DAY_MS
ZONE_MIN, ZONE_MAX = -12 * 60, 14 * 60


def klines(maker: SymbolMarket, params: Params, now_ms: int) -> list[list[Any]]:
    """Return the candles of an interval, the newest of them still open."""
    if not params.get("interval"):
        raise missing("interval")
    interval, zone_ms = params["interval"], _zone_ms(params.get("timeZone", "0"))
    if interval not in INTERVALS:
        raise ExchangeRefusal(-1120, "Invalid interval.")
    limit = max(whole(params, "limit", 500, 1_000), 1)
    since = whole(params, "startTime", -1)
    until = min(whole(params, "endTime", now_ms), now_ms)
    first = since if since >= 0 else until - limit * INTERVALS[interval] * 1_000
    rows = _candles(maker, interval, zone_ms, (_opens_at(interval, first, zone_ms), until, now_ms))
    return [row for row in rows if row[0] >= since][:limit] if since >= 0 else rows[-limit:]


def _zone_ms(text: str) -> int:
    """Return how far a time zone is ahead."""
    hours, _, minutes = text.removeprefix("-").partition(":")
    if not (hours.isdecimal() and (minutes or "0").isdecimal()):
        raise invalid("timeZone")
    ahead = (int(hours) * 60 + int(minutes or 0)) * (-1 if text.startswith("-") else 1)
    if not ZONE_MIN <= ahead <= ZONE_MAX:
        raise invalid("timeZone")
    return ahead * 60_000


def _opens_at(interval: str, at_ms: int, zone_ms: int) -> int:
    """Return when the candle of a moment opens."""
    local_ms = at_ms + zone_ms
    if interval == MONTH:
        day = datetime.fromtimestamp(local_ms // 1_000, UTC).replace(day=1, hour=0, minute=0, second=0)
        return int(day.timestamp()) * 1_000 - zone_ms
    length_ms, shift_ms = INTERVALS[interval] * 1_000, MONDAY_MS if interval == "1w" else 0
    return (local_ms - shift_ms) // length_ms * length_ms + shift_ms - zone_ms


def _candles(maker: SymbolMarket, interval: str, zone_ms: int, span: tuple[int, int, int]) -> list[list[Any]]:
    """Return the candles that open from one moment to another, as they are at a third."""
    since_ms, until_ms, now_ms = span
    length_ms = INTERVALS[interval] * 1_000
    groups: dict[int, list[Step]] = {}
    for step in maker.walked(since_ms, min(until_ms + length_ms, now_ms)):
        groups.setdefault(_opens_at(interval, step.at_ms, zone_ms), []).append(step)
    # A length after its opening is in the next candle, of a month too.
    after = {opens_at: _opens_at(interval, opens_at + length_ms, zone_ms) for opens_at in groups}
    return [candle(at, after[at] - at, group) for at, group in groups.items() if at <= until_ms]


@exact
def candle(opens_at_ms: int, length_ms: int, group: list[Step]) -> list[Any]:
    """Return a candle as an array of twelve."""
    prices = [step.price for step in group]
    volume = sum((step.quantity for step in group), ZERO)
    quote = sum((step.quantity * step.price for step in group), ZERO)
    half = [text8(money.ratio(figure, Decimal(2))) for figure in (volume, quote)]
    ends = (prices[0], max(prices), min(prices), prices[-1])
    traded = sum(1 for step in group if step.quantity)
    return [
        opens_at_ms, *map(text8, ends), text8(volume), opens_at_ms + length_ms - 1, text8(quote), traded, *half, "0",
    ]  # fmt: skip
