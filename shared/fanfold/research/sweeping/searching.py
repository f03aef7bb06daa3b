"""Search a grid with Optuna: it asks for configurations a round at a time, and learns what they earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.library import COSTS, RunLibrary, check_figure
from fanfold.research.sweeping.configurations import Axes, check_count
from fanfold.research.sweeping.parts_of_sweep import SweepParts, job_hash
from fanfold.research.sweeping.planning import SearchSpace
from fanfold.research.sweeping.running import run_job
from fanfold.research.sweeping.sweep_job import Configuration, SweepJob
from fanfold.research.sweeping.trial_rows import params_text, row_schema

if TYPE_CHECKING:
    from optuna import Study

# The same on every machine, whatever its cores, so that a seed gives the same search.
ROUND = 16


class RoundsOfTrials:
    """The trials of a search, in rounds: each trades, as a job of its own, the configurations that are new.

    The library keeps the rows of each round until ``remove``, so that a search that was stopped goes on.
    """

    def __init__(
        self, frame: SweepJob, recordings: list[Recording], library: RunLibrary | None, on_trials: Callable[[int], None]
    ) -> None:
        self._frame, self._recordings, self._library, self._on_trials = frame, recordings, library, on_trials
        self._rounds: list[tuple[SweepJob, pa.Table]] = []
        # By a configuration's text the rows of its round.
        self._known: dict[str, pa.Table] = {}
        self._parts: list[SweepParts] = []

    def trade(self, wanted: Sequence[Configuration]) -> None:
        """Trade those that are new."""
        new = {text: each for each in wanted if (text := params_text(each)) not in self._known}
        self._on_trials((len(wanted) - len(new)) * len(self._frame.markets) * len(self._frame.windows))
        if not new:
            return
        job = msgspec.structs.replace(self._frame, configurations=tuple(new.values()))
        library = self._library
        run = f"round-{job_hash(job, self._recordings)}"
        parts = SweepParts(library.folder / "sweeps" / run if library is not None else None)
        self._parts.append(parts)
        rows = run_job(job, self._recordings, parts, self._on_trials)
        self._rounds.append((job, rows))
        self._known.update(dict.fromkeys(new, rows))

    def mean(self, configuration: Configuration, figure: str) -> float | None:
        """Return the mean of a figure over the trials of a configuration that was traded; None where none has it."""
        text = params_text(configuration)
        rows = self._known[text]
        own = rows.filter(pc.equal(rows["params"], text))
        mean: float | None = pc.mean(own[figure].cast(pa.float64())).as_py()
        return mean

    def whole(self) -> tuple[SweepJob, pa.Table]:
        """Return one job of all configurations, and its rows, as a sweep of these would have them."""
        tried = tuple(each for job, _ in self._rounds for each in job.configurations)
        tables, before = [], 0
        for job, rows in self._rounds:
            count = len(job.configurations)
            place, number = np.divmod(rows["trial"].to_numpy(), count)
            column = row_schema().get_field_index("trial")
            tables.append(rows.set_column(column, "trial", pa.array(place * len(tried) + before + number)))
            before += count
        joined = pa.concat_tables(tables).sort_by("trial")
        return msgspec.structs.replace(self._frame, configurations=tried), joined

    def remove(self) -> None:
        """Remove what the library keeps of the rounds."""
        for parts in self._parts:
            parts.remove()


def search(rounds: RoundsOfTrials, space: SearchSpace, count: int, rank: str, seed: int) -> None:
    """Let Optuna choose so many configurations, each to improve ``rank``; the same seed chooses the same.

    One that it chooses again is not traded again. Raises BadInput where Optuna is not installed, and where no trial of
    the first round has the figure.
    """
    check_figure(rank)
    check_count(space.axes, count, "--optuna")
    study = _study(rank, seed)
    for first in range(0, count, ROUND):
        _round(study, space, rounds, min(ROUND, count - first), rank)


def _study(rank: str, seed: int) -> Study:
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError as absent:
        raise BadInput("Optuna is not installed: pip install optuna, or draw with --random") from absent
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The constant liar keeps the configurations of a round, which it gives at once, apart.
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    return optuna.create_study(direction="minimize" if rank in COSTS else "maximize", sampler=sampler)


def _round(study: Study, space: SearchSpace, rounds: RoundsOfTrials, count: int, rank: str) -> None:
    """Ask for so many configurations, trade those that are new, and tell what each earned."""
    from optuna.trial import TrialState  # noqa: PLC0415 - an extra

    trials = [study.ask(_distributions(space.axes)) for _ in range(count)]
    wanted = [_configuration(space, trial.params) for trial in trials]
    rounds.trade(wanted)
    for trial, configuration in zip(trials, wanted, strict=True):
        earned = rounds.mean(configuration, rank)
        study.tell(trial, earned, TrialState.FAIL if earned is None else None)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise BadInput(
            f"no trial of the first {count} has a {rank.replace('_', ' ')}, so Optuna has nothing to go by: take more "
            "data, another grid, or another figure with --rank"
        )


def _distributions(axes: Axes) -> dict[str, Any]:
    """Return the places of the values of each axis: near places are near values, whatever the steps between them."""
    from optuna.distributions import IntDistribution  # noqa: PLC0415 - an extra

    return {name: IntDistribution(0, len(values) - 1) for name, values in axes.items()}


def _configuration(space: SearchSpace, places: dict[str, Any]) -> Configuration:
    return space.fixed | {name: values[places[name]] for name, values in space.axes.items()}
