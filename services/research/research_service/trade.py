"""Trade the batch of an item, and store its rows."""

from fanfold import __version__
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.on_aws.submission import BatchItem, SubmittedSweep, batch_of
from fanfold.research.on_aws.sweep_store import SweepStore
from fanfold.research.sweeping.trials import run_batch
from fanfold.strategy import contract


class BatchTrader:
    """Trades batches; a process keeps the sweep that it works on, and its bars, for the next batch."""

    def __init__(self, store: SweepStore) -> None:
        self._store = store
        self._submitted: SubmittedSweep | None = None
        self._bars: dict[str, Recording] = {}

    def trade(self, item: BatchItem) -> dict[str, object]:
        """Return where the rows are. Raises BadInput where this image has another step than was submitted."""
        submitted = self._known(item.sweep)
        batch = batch_of(submitted.job, item)
        for bars in submitted.bars:
            if bars.instrument in batch.market and bars.instrument not in self._bars:
                self._bars[bars.instrument] = self._store.recording(bars)
        rows = run_batch(batch, list(self._bars.values()))
        return {"rows": self._store.keep_rows(submitted, item, rows), "trials": rows.num_rows}

    def _known(self, sweep: str) -> SubmittedSweep:
        if self._submitted is None or self._submitted.sweep != sweep:
            self._bars = {}
            self._submitted = _checked(self._store.read(sweep))
        return self._submitted


def _checked(submitted: SubmittedSweep) -> SubmittedSweep:
    name = submitted.job.instance.strategy
    code = contract.code_of(name)
    if (code, __version__) != (submitted.code, submitted.version):
        raise BadInput(
            f"the image has {name} as {code} of release {__version__}, and the sweep was submitted with "
            f"{submitted.code} of {submitted.version}: build, push and deploy the image of research, submit again"
        )
    return submitted
