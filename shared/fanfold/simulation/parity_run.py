"""The back-test of a day that was traded: its desk on paper, through the services' verbs, over the bars that it had."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime

import msgspec

from fanfold.audit.parity import ParityReport
from fanfold.audit.parity_day import DaySpan, compare, span_of
from fanfold.audit.trading_log import TradingLog
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market import bars, timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording
from fanfold.market.recordings import Recordings
from fanfold.market.source import BarsRequest, Failure, Source
from fanfold.messages import BarsClosed, Message
from fanfold.simulation.full_run import run_over
from fanfold.trading.terms import rests_of

# The cause of bars that closed since the poll before; others came late, or were asked for.
POLL = "poll/"


class LoggedBars:
    """The bars of a venue that a log has, each timeframe as it was published; see fanfold.market.source.Source."""

    recorded = True

    def __init__(self, messages: Iterable[BarsClosed]) -> None:
        pieces: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for message in messages:
            for series in bars.unpack(message.frames):
                pieces[series.timeframe, series.instrument].append(series)
        by_timeframe: dict[str, list[Recording]] = defaultdict(list)
        for (timeframe, _), parts in pieces.items():
            by_timeframe[timeframe].append(Recording.of(_joined(parts)))
        self._by_timeframe = {timeframe: Recordings(own) for timeframe, own in by_timeframe.items()}

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: BarsRequest) -> Series | Failure:
        known = self._by_timeframe.get(request.timeframe)
        if known is None or request.instrument not in known.instruments:
            return Failure(request, "the log has no bar of it")
        return known.bars(*request)


def _joined(parts: Sequence[Series]) -> Series:
    """Return the bars of all parts once, the newest version of each, at the finest scales."""
    price_scale, volume_scale = (max(getattr(part, name) for part in parts) for name in ("price_scale", "volume_scale"))
    closes: dict[int, Bar] = {}
    for part in parts:
        tick, lot = 10 ** (price_scale - part.price_scale), 10 ** (volume_scale - part.volume_scale)
        for at, first, high, low, close, volume in part.bars:
            closes[at] = Bar(at, first * tick, high * tick, low * tick, close * tick, volume * lot)
    own = [closes[at] for at in sorted(closes)]
    return Series(instrument=parts[0].instrument, timeframe=parts[0].timeframe, price_scale=price_scale,
                  volume_scale=volume_scale, after=0, bars=own)  # fmt: skip


def parity(
    desk: Desk, messages: Sequence[Message], day: date, history: Callable[[str], Source] | None = None
) -> ParityReport:
    """Compare a day with the back-test of its desk from the first bar that was traded on.

    ``history`` has the bars of each venue; without it they are those of the messages. Raises BadInput for a day that
    was not traded.
    """
    traded = TradingLog(messages, desk.shortest_timeframe)
    times = _polled(messages)
    span = span_of(day, times[0] if times else 0)
    if not any(span.has(at) for at in times):
        whole = f"; it has {_day(times[0])} to {_day(times[-1])}" if times else ""
        raise BadInput(f"the log has no bar of {day.isoformat()}{whole}")
    until = min(times[-1], _filled_by(traded, span) + timeframes.seconds(desk.shortest_timeframe))
    published: list[Message] = []
    run_over(on_paper(desk), history or _sources(messages), times[0], until, published.append)
    return compare(desk, span, traded, TradingLog(published, desk.shortest_timeframe), rests_of(desk))


def _filled_by(traded: TradingLog, span: DaySpan) -> int:
    """Return the time by which all orders of a day had filled or ended: limits and slices may fill after it."""
    own = [order for key, orders in traded.orders.items() if span.has(key.at) for order in orders]
    fills = [int(fill.at.timestamp()) for order in own for fill in traded.fills_of(order)]
    return max([span.until, *fills, *(traded.ended_at.get(order.order_id, 0) for order in own)])


def newest_day(messages: Iterable[Message]) -> date:
    """Return the newest UTC day whose last close was traded; the newest of all where none is whole.

    Raises BadInput for a log without bars.
    """
    times = _polled(messages)
    if not times:
        raise BadInput("the log has no bars yet: nothing was traded")
    whole = [at for at in times if at % timeframes.DAY_S == 0 and at > times[0]]
    return date.fromisoformat(_day(whole[-1] if whole else times[-1]))


def _polled(messages: Iterable[Message]) -> list[int]:
    """Return the times of all polls, in epoch seconds."""
    polls = (message for message in messages if isinstance(message, BarsClosed) and message.cause.startswith(POLL))
    return sorted({int(message.at.timestamp()) for message in polls})


def on_paper(desk: Desk) -> Desk:
    """Return a desk all of whose accounts are on paper."""
    accounts = {name: msgspec.structs.replace(account, mode="paper") for name, account in desk.accounts.items()}
    return msgspec.structs.replace(desk, accounts=accounts)


def _sources(messages: Iterable[Message]) -> Callable[[str], Source]:
    by_venue: dict[str, list[BarsClosed]] = defaultdict(list)
    for message in messages:
        if isinstance(message, BarsClosed):
            by_venue[message.venue].append(message)
    sources = {venue: LoggedBars(own) for venue, own in by_venue.items()}
    return lambda venue: sources.get(venue, LoggedBars([]))


def _day(at: int) -> str:
    return datetime.fromtimestamp(at - 1, UTC).date().isoformat()
