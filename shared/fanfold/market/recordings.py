"""Recorded bars as a source: all of them are there from the start."""

from collections.abc import Iterable, Sequence

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.recording import Recording
from fanfold.market.resample import resample
from fanfold.market.source import BarsRequest, Failure


class Recordings:
    """Recordings, one an instrument; see fanfold.market.source.Source."""

    recorded = True

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._recordings = {recording.instrument: recording for recording in recordings}

    @property
    def instruments(self) -> list[str]:
        return sorted(self._recordings)

    def span(self, instrument: str) -> tuple[int, int]:
        """Return the closes of the first and of the last bar of an instrument, in epoch seconds."""
        recording = self.recording(instrument)
        return recording.closes_at_s(0), recording.closes_at_s(-1)

    def bars(self, instrument: str, timeframe: str, since: int, until: int) -> Series:
        """Return bars that close after ``since`` and no later than ``until``, in epoch seconds.

        ``after`` is the close of the bar before the first one, 0 if there is none. A timeframe coarser than the
        recorded one is resampled. Raises BadInput for an instrument that was not recorded or a finer timeframe.
        """
        recording = self.recording(instrument)
        if timeframe == recording.timeframe:
            return recording.series(since, until)
        length = timeframes.seconds(timeframe)
        whole = recording.series(since // length * length, until // length * length)
        return resample(whole, timeframe, until)

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """Return the bars of each request; see bars. A recording never fails for one instrument alone."""
        kept = self._recordings
        return [
            recording.series(since, until)
            if (recording := kept.get(name)) is not None and timeframe == recording.timeframe
            else self.bars(name, timeframe, since, until)
            for name, timeframe, since, until in requests
        ]

    def recording(self, instrument: str) -> Recording:
        """Return all that was recorded of an instrument. Raises BadInput for one that was not."""
        if instrument not in self._recordings:
            raise BadInput(f"{instrument} was not recorded; there are {', '.join(self.instruments)}")
        return self._recordings[instrument]
