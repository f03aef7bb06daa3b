"""The verdict on a strategy: every check for bias, and all evidence of an edge, over the same bars."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.performance.texts import moment
from fanfold.research.bias_lab import bar_history, evidence, lookahead, params_grid, start_phase, survivors, warm_up
from fanfold.research.bias_lab.decisions import Decisions, decide
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.research.bias_lab.finding import Finding, failed, passed
from fanfold.research.bias_lab.market_columns import MarketColumns, market_columns
from fanfold.research.bias_lab.survivors import ListedSpan
from fanfold.research.folding import REFUSED_BY_NUMBA, WEIGHT
from fanfold.research.tear_sheet import BiasFindings
from fanfold.strategy import checking, contract, folder
from fanfold.strategy.contract import Strategy

Progress = Callable[[str], None]
# What Python steps over where numba cannot compile a step.
PLAIN_BARS, PLAIN_PERMUTATIONS = 20_000, 39
DEFAULTS = EvidenceTerms()


class VerdictMarket(NamedTuple):
    """The bars of a verdict: those that are traded, longer ones of the same instruments, and another download."""

    traded: list[Recording]
    longer: Sequence[Recording] = ()
    again: Sequence[Recording] = ()


class StrategyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The findings on a strategy with its params. Times are closes in epoch seconds; it passed if nothing failed."""

    strategy: str
    params: dict[str, Any]
    instruments: list[str]
    bars: int
    since: int
    until: int
    trials: int
    compiled: bool
    passed: bool
    summary: str
    findings: list[Finding]


def market_of(recordings: Sequence[Recording], again: Sequence[Recording] = ()) -> VerdictMarket:
    """Return which recordings are traded: of each instrument the shortest bars, all of one timeframe."""
    shortest = min((recording.timeframe for recording in recordings), key=timeframes.seconds)
    traded = [recording for recording in recordings if recording.timeframe == shortest]
    longer = [recording for recording in recordings if recording.timeframe != shortest]
    names = {recording.instrument for recording in traded}
    lacking = [recording.instrument for recording in longer if recording.instrument not in names]
    if lacking:
        raise BadInput(f"{lacking[0]} has no bars of {shortest}, which the others have; give files of one timeframe")
    return VerdictMarket(traded, longer, again)


def of_market(
    name: str,
    params: dict[str, Any],
    market: VerdictMarket,
    terms: EvidenceTerms = DEFAULTS,
    progress: Progress = lambda _check: None,
) -> StrategyVerdict:
    """Return the verdict; ``progress`` hears the name of each check before it begins.

    Raises BadInput for params, or bars, that the strategy cannot take.
    """
    bars = market_columns(market.traded)
    strategy = contract.bind(name, params, len(bars.instruments))
    if bars.length <= 2 * strategy.lookback:
        raise BadInput(
            f"{name} warms up over {strategy.lookback:,} bars, and the data has {bars.length:,} in common; give at "
            f"least {2 * strategy.lookback + 1:,}"
        )
    progress("compile")
    decisions = decide(strategy, bars)
    findings = list(biases(strategy, bars, market, terms, decisions, progress))
    if not decisions.compiled:
        bars = bars.part(max(0, bars.length - PLAIN_BARS), bars.length)
        enough = max(PLAIN_PERMUTATIONS, evidence.permutations_for(terms.trials))
        terms = terms._replace(permutations=min(terms.permutations, enough))
    findings += _evidence(strategy, bars, terms, progress)
    wrong = [finding.name for finding in findings if finding.outcome == "failed"]
    measured = [finding for finding in findings if finding.outcome != "not measured"]
    return StrategyVerdict(
        strategy=name,
        params=strategy.params._asdict(),
        instruments=list(bars.instruments),
        bars=bars.length,
        since=int(bars.time[0]),
        until=int(bars.time[-1]),
        trials=terms.trials,
        compiled=decisions.compiled,
        passed=not wrong,
        summary=f"{len(wrong)} of {len(measured)} checks failed: {', '.join(wrong)}" if wrong else
        f"all {len(measured)} checks passed",
        findings=findings,
    )  # fmt: skip


def biases(
    strategy: Strategy,
    bars: MarketColumns,
    market: VerdictMarket,
    terms: EvidenceTerms,
    decisions: Decisions,
    progress: Progress,
) -> Iterator[Finding]:
    """Yield the findings on what would make any result worthless."""
    progress("rules")
    yield _rules(strategy, bars, decisions)
    progress(lookahead.NAME)
    yield lookahead.check(strategy, bars, decisions, terms.seed)
    progress(warm_up.NAME)
    yield warm_up.check(strategy, bars)
    progress(start_phase.NAME)
    yield start_phase.check(strategy, bars, terms.cost, compiled=decisions.compiled)
    progress(bar_history.NAME)
    yield bar_history.check(bars, market.longer, market.again)
    yield survivors.check([_listing(recording) for recording in market.traded])


def _rules(strategy: Strategy, bars: MarketColumns, decisions: Decisions) -> Finding:
    wrong = checking.check(strategy.name, strategy.params._asdict(), len(bars.instruments)).wrong
    check = f"fanfold strategy check {folder.as_named(strategy.name)}"
    if wrong:
        return failed("rules", "; ".join(wrong), f"See `{check}`.")
    silent = np.isnan(decisions.wanted[:, WEIGHT, strategy.lookback :]).any(axis=0)
    if silent.any():
        first = moment(int(bars.time[strategy.lookback + silent.argmax()]))
        numba = decisions.why_plain.startswith(REFUSED_BY_NUMBA)
        why = "it raised, or wanted no finite number" if numba else decisions.why_plain
        measured = f"it says nothing at {silent.sum():,} of {silent.size:,} bars, first at {first}: {why}"
        return failed("rules", measured, f"See `{check}` with --data.")
    return passed("rules", "it uses params, state and bars alone, within its lookback")


def _listing(recording: Recording) -> ListedSpan:
    return ListedSpan(recording.instrument, recording.closes_at_s(0), recording.closes_at_s(-1))


def _evidence(strategy: Strategy, bars: MarketColumns, terms: EvidenceTerms, progress: Progress) -> Iterator[Finding]:
    """Yield the findings on how much the result says."""
    progress("permutation")
    yield evidence.permutation(strategy, bars, terms)
    progress("configurations")
    configurations = params_grid.grid(strategy, len(bars.instruments))
    rows = np.stack([evidence.earned(each, bars, terms.cost) for each in configurations])
    made = evidence.periods(bars.time, rows)
    yield evidence.sharpe(made)
    yield evidence.deflated(made, terms.trials)
    yield from evidence.choice(made, terms.seed)
    progress("costs")
    yield evidence.costs(strategy, bars, terms.cost)
    yield evidence.plateau(strategy, bars, terms.cost, evidence.score(rows[0]))


def on_tear_sheet(judgement: StrategyVerdict) -> BiasFindings:
    """Return a verdict as a tear sheet shows it, what failed in front."""
    worst_first = sorted(judgement.findings, key=lambda finding: finding.outcome != "failed")
    lines = [f"{finding.outcome}: {finding.line}" for finding in worst_first]
    return BiasFindings(passed=judgement.passed, summary=judgement.summary, findings=lines)
