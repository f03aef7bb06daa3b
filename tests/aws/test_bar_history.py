"""Bars to look at: each once, from the lake and from the log beyond it, wherever the last flush was."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from audit_service.compact import compact
from audit_service.flush import flush
from audit_service.record import record
from fanfold.audit import bar_history
from fanfold.audit.bar_history import BarHistory, BarSpan
from fanfold.aws.client.call import Call, Credentials, Endpoint, RecordedCall, with_recording
from fanfold.aws.client.connect import connect
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.lake import S3Lake
from fanfold.aws.s3.lake_bars import S3LakeBars
from fanfold.errors import AT_ONCE
from fanfold.market import bars
from fanfold.messages import BarsClosed
from support.audit_examples import AUDIT, LAKE, VIEWS, arrival, create_everything, minute

MINUTES = 12
IN_PROCESS = Endpoint(region="eu-west-1", credentials=Credentials(access_key="test", secret_key="test"))


class Recorded:
    """A desk of some minutes in moto, whose lake has the first ones."""

    def __init__(self, call: Call, flushed: int) -> None:
        create_everything(call)
        self.calls: list[RecordedCall] = []
        call = with_recording(call, self.calls.append)
        self.log, self.views = S3Log(call, AUDIT), DynamoViews(call, VIEWS)
        lake = self.lake = S3Lake(call, LAKE)
        self.series = {}
        for n in range(MINUTES):
            messages = list(minute(n))
            record([arrival(message) for message in messages], self.log, self.views, AT_ONCE)
            if n + 1 == flushed:
                flush(self.log, lake, self.views, self.views.heads())
            self._keep(messages)
        self.lake_bars = S3LakeBars(call, LAKE)
        self.history = BarHistory(self.views, self.log, lambda: self.lake_bars)

    def _keep(self, messages) -> None:
        for message in messages:
            for series in bars.unpack(message.frames) if isinstance(message, BarsClosed) else ():
                self.venue, self.timeframe = message.venue, series.timeframe
                closes = self.series.setdefault(series.instrument, {})
                closes |= {bar.closes_at_s: series.price(bar.close) for bar in series.bars}

    def span(self, since: int = 0, until: int = 0) -> BarSpan:
        """The last minutes, from one time to another, counted from both ends."""
        times = sorted(next(iter(self.series.values())))
        return BarSpan(self.venue, self.timeframe, set(self.series), times[0] - 1 + since, times[-1] - until)

    def closes(self, span: BarSpan) -> dict:
        return {
            instrument: {at: bar.close for at, bar in shown.items()}
            for instrument, shown in self.history.bars(span).items()
        }


@pytest.fixture
def call() -> Iterator[Call]:
    with mock_aws():
        yield connect("boto3", IN_PROCESS)


@pytest.mark.parametrize("flushed", [0, 1, 7, MINUTES])
def test_every_bar_is_read_once_wherever_the_lake_ends(call, flushed):
    desk = Recorded(call, flushed)
    assert desk.closes(desk.span()) == desk.series


def test_a_span_has_what_closes_after_its_beginning_and_by_its_end(call):
    desk = Recorded(call, 7)
    span = desk.span(since=121, until=60)
    wanted = {
        name: {at: close for at, close in closes.items() if span.since < at <= span.until}
        for name, closes in desk.series.items()
    }
    assert desk.closes(span) == wanted


def test_a_grid_has_what_closes_on_it_and_the_newest(call):
    desk = Recorded(call, 7)
    span = desk.span()._replace(every_s=300)
    wanted = {
        name: {at: close for at, close in closes.items() if at % 300 == 0 or at == max(closes)}
        for name, closes in desk.series.items()
    }
    assert all(max(closes) % 300 for closes in desk.series.values())
    assert desk.closes(span) == wanted


def test_a_second_look_reads_no_segment_and_no_file_again(call):
    desk = Recorded(call, 7)
    desk.closes(desk.span())
    desk.calls.clear()
    assert desk.closes(desk.span()) == desk.series
    assert [recorded.operation for recorded in desk.calls if recorded.operation == "GetObject"] == []


def test_files_are_looked_for_once_a_flush(call):
    desk = Recorded(call, 7)
    desk.closes(desk.span())
    desk.calls.clear()
    assert desk.closes(desk.span()) == desk.series
    assert [recorded.operation for recorded in desk.calls if recorded.service == "s3"] == []
    flush(desk.log, desk.lake, desk.views, desk.views.heads())
    assert desk.closes(desk.span()) == desk.series
    assert "ListObjectsV2" in [recorded.operation for recorded in desk.calls]


def test_files_that_were_merged_since_they_were_looked_for_are_looked_for_again(call):
    desk = Recorded(call, 7)
    desk.closes(desk.span())
    assert compact(desk.lake, desk.views, before="2026-03-01")
    desk.lake_bars._kept.clear()
    assert desk.closes(desk.span()) == desk.series


def test_a_log_that_was_never_flushed_is_read_in_parts(call, monkeypatch):
    monkeypatch.setattr(bar_history, "SEGMENTS_MAX", 5)
    desk = Recorded(call, 0)
    counts = [sum(map(len, desk.closes(desk.span()).values())) for _ in range(4)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == sum(map(len, desk.series.values()))
