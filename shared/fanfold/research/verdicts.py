"""The verdict on a strategy over data files, or over the seeded market."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from fanfold.errors import BadInput
from fanfold.importers import data_files, joining
from fanfold.local.run_plan import SEED, SEEDED_START, RunPlan
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.market.recordings import Recordings
from fanfold.research.arguments import Files, files_of, mapping_of, number_of, whole
from fanfold.research.bias_lab import evidence, judging
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.research.bias_lab.judging import Progress, StrategyVerdict, VerdictMarket
from fanfold.research.library import RunLibrary, Tried
from fanfold.research.sweeping.trial_rows import params_text
from fanfold.simulation import market
from fanfold.strategy import checking, contract, folder

SEEDED_MINUTES = 20_000
COST_BPS = Decimal(12)
# The best of fifty trials needs a thousand permuted markets; of more, each second costs more than it tells.
PERMUTATIONS_MIN, PERMUTATIONS_MAX = 199, 1_000


def verdict(
    strategy: str,
    data: Files = (),
    *,
    again: Files = (),
    params: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    strategies: str | Path | None = None,
    timeframe: str = "",
    cost_bps: Decimal | int = COST_BPS,
    trials: int | None = None,
    permutations: int | None = None,
    seed: int = 7,
    library: str | Path | None = None,
    progress: Progress = lambda _check: None,
) -> StrategyVerdict:
    """Judge a strategy, named or by its file, on data files; without them on the seeded market.

    The shortest bars of ``data`` are traded, longer ones compared with them, and so are those of ``again``, another
    download. With a ``timeframe`` the traded bars are made of the shortest. ``cost_bps`` is what a fill costs, in
    hundredths of a percent, ``trials`` how many configurations were tried, if not those that the library of runs in
    the folder ``library`` has; ``seed`` draws the ``permutations``, of which there are as many as the trials need.
    ``progress`` hears the name of each check. Raises BadInput for what the strategy cannot take.
    """
    cost = number_of("cost_bps", cost_bps)
    if cost < 0:
        raise BadInput(
            f"cost_bps is {cost_bps}; a fill that costs less than nothing makes an edge of trading: name 0 or more"
        )
    if not isinstance(strategy, str):
        raise BadInput(f"a verdict is of a strategy by its name or file, not of a {type(strategy).__name__}")
    name = folder.locate(strategy, None if strategies is None else Path(strategies))
    judged = judging.market_of(_read(data, columns) or _seeded(name), _read(again, columns))
    if timeframe:
        judged = _in_timeframe(judged, timeframe)
    own = dict(mapping_of("params", params, '{"fast": 10}'))
    if trials is None:
        trials = 1 if library is None else _tried(RunLibrary(Path(library)), name, own, judged)
    terms = EvidenceTerms(
        float(cost) / 1e4, whole("trials", trials, 1), _permutations(permutations, trials), whole("seed", seed, 0)
    )
    return judging.of_market(name, own, judged, terms, progress)


def of_plan(planned: RunPlan, library: Path, progress: Progress) -> StrategyVerdict:
    """Judge the strategy of a plan that has one, on its bars up to the end of the plan, made of its own timeframe.

    A fill costs what it does on its account. ``library`` is the folder of runs that says how many configurations were
    tried. Raises BadInput for several strategies.
    """
    if len(planned.desk.strategies) != 1:
        raise BadInput("a verdict is of one strategy: name it in front, as in fanfold backtest sma_cross")
    (instance,) = planned.desk.strategies.values()
    account = planned.desk.accounts[instance.account]
    cost_bps = account.taker_bps + account.spread_bps / 2 + account.slippage_bps
    bars = {entry.instrument: Recording.of(entry.series(0, planned.until)) for entry in planned.recordings}
    judged = judging.market_of([bars[name] for name in instance.instruments])
    judged = _in_timeframe(judged, instance.timeframe)
    own = dict(instance.params)
    trials = _tried(RunLibrary(library), instance.strategy, own, judged)
    terms = EvidenceTerms(float(cost_bps) / 1e4, trials, _permutations(None, trials))
    return judging.of_market(instance.strategy, own, judged, terms, progress)


def _permutations(wanted: int | None, trials: int) -> int:
    """Return how many permuted markets there are: so many that the best of as many trials can be told from chance."""
    if wanted is not None:
        return whole("permutations", wanted, 0)
    return max(PERMUTATIONS_MIN, min(evidence.permutations_for(trials), PERMUTATIONS_MAX))


def _in_timeframe(judged: VerdictMarket, timeframe: str) -> VerdictMarket:
    """Return a market whose traded bars are of a longer timeframe, made of those that it has."""
    seconds = timeframes.seconds(timeframe)
    longer = [recording for recording in judged.longer if timeframes.seconds(recording.timeframe) > seconds]
    traded, again = ([_longer(each, timeframe) for each in bars] for bars in (judged.traded, judged.again))
    return VerdictMarket(traded, longer, again)


def _longer(recording: Recording, timeframe: str) -> Recording:
    if recording.timeframe == timeframe:
        return recording
    if timeframes.seconds(recording.timeframe) > timeframes.seconds(timeframe):
        raise BadInput(f"{timeframe} bars cannot be made of {recording.timeframe} bars of {recording.instrument}")
    last = recording.closes_at_s(-1)
    return Recording.of(Recordings([recording]).bars(recording.instrument, timeframe, 0, last))


def _tried(library: RunLibrary, strategy: str, params: dict[str, Any], judged: VerdictMarket) -> int:
    """Return how many configurations the library has of a strategy on these instruments, in this time, and this one."""
    first = min(recording.closes_at_s(0) for recording in judged.traded)
    last = max(recording.closes_at_s(-1) for recording in judged.traded)
    names = [recording.instrument for recording in judged.traded]
    params_of_all = contract.bind(strategy, params, len(names)).params._asdict()
    own = Tried(contract.code_of(strategy), params_text(params_of_all), judged.traded[0].timeframe)
    return len(library.tried(strategy, names, first, last) | {own})


def _read(files: Files, columns: Mapping[str, str] | None) -> list[Recording]:
    """Return the bars of each instrument and timeframe; files of the same are joined."""
    read = [data_files.read(file, columns=columns) for file in files_of(files)]
    lengths = dict.fromkeys(file.recording.timeframe for file in read)
    alike = ([file for file in read if file.recording.timeframe == timeframe] for timeframe in lengths)
    return [file.recording for same in alike for file in joining.joined(same)]


def _seeded(name: str) -> list[Recording]:
    """Return bars of the seeded market: of one instrument, or of several for a cross-sectional strategy."""
    count = checking.legs_tried(name)
    count = count if contract.bind(name, {}, count).cross_sectional else 1
    names = list(market.catalogue())
    if count > len(names):
        raise BadInput(f"the seeded market has {len(names)} instruments, and {name} takes {count}; give --data")
    return [Recording.of(series) for series in market.market(SEED, names[:count], SEEDED_MINUTES, SEEDED_START)]
