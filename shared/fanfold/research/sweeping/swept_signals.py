"""The signals of a batch's trials over bars that they share: of a crossing by sums, of any other step by the step."""

from functools import partial

import numpy as np

from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research.columns import StepColumns, step_columns
from fanfold.research.compiled import columns_read
from fanfold.research.crossing import ROUNDED, crossings, windows_of
from fanfold.research.step_signals import StepSource, blank_signals, signals_by
from fanfold.research.sweeping.sweep_job import TrialBatch
from fanfold.research.sweeping.swept_bars import PreparedBars, asked_from
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy
from fanfold.strategy.loading import attempted


class SweptSignals:
    """Signals of the trials of a batch, written on one tape; it is of one thread.

    ``swept`` are the bars, and ``bound`` the strategy of each trial, or why its params cannot be. Raises BadInput where
    the window has no bar.
    """

    def __init__(self, batch: TrialBatch, recording: Recording, prepared: PreparedBars) -> None:
        (instance,) = batch.desk.strategies.values()
        self._length_s, self._window = timeframes.seconds(instance.timeframe), batch.window
        bind = partial(contract.bind, instance.strategy, count=1)
        self.bound = [attempted(partial(bind, dict(configuration))) for configuration in batch.configurations]
        lookback = max((each.lookback for each in self.bound if isinstance(each, Strategy)), default=1)
        self.swept = prepared.of(recording, instance.timeframe, batch.window, lookback)
        self.tape = blank_signals(self.swept.bars.close.size)
        self._columns: StepColumns | None = None

    def write(self, strategy: Strategy) -> int:
        """Write the signals of a strategy, which begins with its own first bar; return how many there are.

        That is NOT_FINITE where one is no number. Raises what its step raises, and what numba does of it.
        """
        bars, lookback = self.swept.bars, strategy.lookback
        first = int(np.searchsorted(bars.time, asked_from(self._window, self._length_s, lookback), side="right"))
        windows, count = windows_of(strategy, bars.price_scale), ROUNDED
        if windows is not None:
            count = crossings()(self.swept.summed, windows, first + lookback, self.tape)
        return self._step(strategy, first) if count == ROUNDED else count

    def _step(self, strategy: Strategy, first: int) -> int:
        """Write the signals of a step that begins with bar ``first``."""
        bars, padding = self.swept.bars, self.swept.padding
        if self._columns is None:
            self._columns = step_columns([bars], padding, columns_read(strategy.step))
        columns, begins = self._columns, padding + first
        before = slice(begins - strategy.lookback, begins)
        kept = [column[before].copy() for column in columns]
        for column in columns:
            column[before] = column[begins : begins + 1]
        source = StepSource(strategy.params, columns, padding, first + strategy.lookback)
        try:
            start = strategy.start(strategy.params)
            return int(signals_by(strategy.step)(source, start, first, bars.time.size, self.tape))
        finally:
            for place, values in enumerate(kept):
                columns[place][before] = values
