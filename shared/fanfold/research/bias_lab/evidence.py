"""Evidence of an edge: whether the result is more than luck, choice and a lucky figure for costs."""

from math import isnan, nan
from typing import NamedTuple

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.research.bias_lab import bootstrap, overfitting, params_grid, permuted_trading, permuting, sharpe_tests
from fanfold.research.bias_lab.decisions import Decisions, decide
from fanfold.research.bias_lab.finding import Finding, failed, judged, passed, unmeasured
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.bias_lab.trading import returns_of
from fanfold.research.columns import Floats, Integers
from fanfold.research.compiled import columns_read
from fanfold.research.folding import WEIGHT
from fanfold.strategy.contract import Strategy

SIGNIFICANCE = 0.05
CONFIDENCE = 1 - SIGNIFICANCE
DAYS_MIN = 60
SPANS = 500
SAMPLES = 1_000
OVERFITTING_MAX = 0.5
PLATEAU_MIN = 0.5
STRESSES = (1, 2, 5)
BASIS_POINT = 1e-4
_OF_CHOICE = ("overfitting", "superior ability")


class EvidenceTerms(NamedTuple):
    """The terms of a test: the cost of what is traded as a share of it, how many trials chose it, and chance."""

    cost: float = 0.0012
    trials: int = 1
    permutations: int = 199
    seed: int = 7


class Periods(NamedTuple):
    """Returns of days, or of equal spans of bars, a row a configuration; ``name`` is that of one such period."""

    returns: Floats
    name: str


def score(returns: Floats) -> float:
    """Return the mean of returns over their deviation; 0 where nothing was earned or lost."""
    spread = float(returns.std())
    return float(returns.mean()) / spread if spread > 0 else 0.0


def periods(time: Integers, rows: Floats) -> Periods:
    """Return the returns of whole days where there are DAYS_MIN of them, else of up to SPANS equal spans."""
    days = (time - 1) // DAY_S
    firsts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    if len(firsts) >= DAYS_MIN:
        return Periods(np.add.reduceat(rows, firsts, axis=1), "day")
    length = max(1, rows.shape[1] // SPANS)
    spans = rows.shape[1] // length
    summed = rows[:, : spans * length].reshape(len(rows), spans, length).sum(axis=2)
    return Periods(summed, "bar" if length == 1 else f"{length} bars")


def earned(strategy: Strategy, bars: MarketColumns, cost: float) -> Floats:
    return returns_of(strategy, bars, decide(strategy, bars), cost)


def permutations_for(trials: int) -> int:
    """Return how many permuted markets can tell the best of so many trials from chance."""
    return round(trials / SIGNIFICANCE)


def permutation(strategy: Strategy, bars: MarketColumns, terms: EvidenceTerms) -> Finding:
    """Return whether permuted markets, which have no pattern in time, do as well; corrected for trials."""
    name = "permutation"
    if _corrected(1 / (terms.permutations + 1), terms.trials) > SIGNIFICANCE:
        return unmeasured(
            name,
            f"{terms.permutations} permutations cannot tell the best of {terms.trials} trials from chance",
            f"Give --permutations {permutations_for(terms.trials)}.",
        )
    decisions = decide(strategy, bars)
    if not _trades(decisions):
        return unmeasured(name, "it trades nothing on this data", "Let it trade.")
    real = score(returns_of(strategy, bars, decisions, terms.cost))
    market = permuting.shapes_of(bars, terms.seed, columns_read(strategy.step))
    laid = bars.length * len(bars.instruments) * terms.permutations
    in_blocks = decisions.compiled and not strategy.cross_sectional and laid >= permuted_trading.BARS_MIN
    score_in_blocks = permuted_trading.permuted_scores(strategy, market, terms.cost) if in_blocks else lambda _: nan

    def score_of(number: int) -> float:
        made = score_in_blocks(number)
        return score(earned(strategy, permuting.permuted(market, number), terms.cost)) if isnan(made) else made

    outcome = permuting.permutation_test(real, score_of, terms.permutations)
    probability = _corrected(outcome.probability, terms.trials)
    measured = (
        f"{outcome.better} of {outcome.markets} markets of the same bars in another order do as well, p = "
        f"{probability:.3f}{_of_trials(terms.trials)}"
    )
    change = "There is no sign of a pattern that it uses: change the idea, not its params."
    return judged(name, measured, change, passes=probability <= SIGNIFICANCE, probability=probability)


def _trades(decisions: Decisions) -> bool:
    return bool(np.nan_to_num(decisions.wanted[:, WEIGHT]).any())


def _corrected(probability: float, trials: int) -> float:
    """Return the probability that the best of so many independent trials is as good by chance."""
    return float(1 - (1 - probability) ** trials)


def _of_trials(trials: int) -> str:
    return f" for the best of {trials:,} trials" if trials > 1 else ""


def sharpe(made: Periods) -> Finding:
    """Return whether the Sharpe ratio of the first row is above 0, for its length, skewness and kurtosis."""
    name = "probabilistic Sharpe"
    measured = sharpe_tests.estimate(made.returns[0])
    if measured is None:
        return failed(name, "it earns the same in every period, most likely nothing", "Let it trade on this data.")
    probability = sharpe_tests.probabilistic_sharpe(measured)
    needed = sharpe_tests.record_length_min(measured)
    text = (
        f"a ratio of {measured.sharpe:.3f} per {made.name}, of {measured.periods:,} such returns, is above 0 with "
        f"{probability:.1%}"
    )
    change = (
        f"Test it on {needed:,.0f} returns per {made.name}, as many as such a ratio takes."
        if np.isfinite(needed)
        else "It loses: change the idea, or its costs."
    )
    return judged(name, text, change, passes=probability >= CONFIDENCE, probability=probability)


def deflated(made: Periods, trials: int) -> Finding:
    """Return whether the ratio is above what the best of so many trials has without an edge."""
    name = "deflated Sharpe"
    measured = sharpe_tests.estimate(made.returns[0])
    if trials < 2:
        return unmeasured(name, "it was said to be the only trial", "Give --trials N if you tried N configurations.")
    if measured is None:
        return unmeasured(name, "it earns the same in every period", "Let it trade on this data.")
    best = sharpe_tests.expected_maximum(trials, measured.variance)
    probability = sharpe_tests.deflated_sharpe(measured, trials, measured.variance)
    text = (
        f"a ratio of {measured.sharpe:.3f} per {made.name} is above {best:.3f}, which the best of {trials:,} has "
        f"without an edge, with {probability:.1%}"
    )
    change = (
        "Choose among fewer configurations, and say beforehand which; or test the choice on data that it never saw."
    )
    return judged(name, text, change, passes=probability >= CONFIDENCE, probability=probability, benchmark=best)


def choice(made: Periods, seed: int) -> list[Finding]:
    """Return whether the best of a grid, its own row first, is more than the best of as many without an edge."""
    returns = made.returns[[row.std() > 0 for row in made.returns]].T
    parts = next((parts for parts in (16, 10, 6) if len(returns) >= 4 * parts), 0)
    if returns.shape[1] < 2 or not parts:
        missing = f"{returns.shape[1]} configurations that trade, {len(returns)} returns per {made.name}"
        return [unmeasured(name, missing, "Give more data, or a strategy with params.") for name in _OF_CHOICE]
    outcome = overfitting.overfitting(returns, parts)
    block = max(2.0, len(returns) ** (1 / 3))
    samples = bootstrap.stationary_samples(len(returns), block, SAMPLES, seed)
    ability = bootstrap.superior_ability(returns, samples, block)
    return [
        judged(
            _OF_CHOICE[0],
            f"in {outcome.probability:.0%} of {outcome.splits:,} splits the best of {returns.shape[1]} configurations "
            "is below the median on the other half",
            "Choosing params here is worse than drawing them: take fewer, or fix them by reason.",
            passes=outcome.probability <= OVERFITTING_MAX,
            probability=outcome.probability,
            loss=outcome.loss,
        ),
        judged(
            _OF_CHOICE[1],
            f"the best of {returns.shape[1]} configurations beats cash with p = {ability.consistent:.3f} (Hansen; "
            f"{ability.lower:.3f} to {ability.upper:.3f})",
            "The best of as many without an edge does as well: test fewer configurations, or more data.",
            passes=ability.consistent <= SIGNIFICANCE,
            probability=ability.consistent,
            upper=ability.upper,
        ),
    ]


def costs(strategy: Strategy, bars: MarketColumns, cost: float) -> Finding:
    """Return whether something is left at twice the costs."""
    decisions = decide(strategy, bars)
    totals = [float(returns_of(strategy, bars, decisions, cost * stress).sum()) for stress in (0, *STRESSES)]
    # What is traded is told by what one basis point of it costs.
    traded = (totals[0] - float(returns_of(strategy, bars, decisions, BASIS_POINT).sum())) / BASIS_POINT
    even = totals[0] / traded if traded > 0 and totals[0] > 0 else 0.0
    text = ", ".join(f"{total:+.2%} at x{stress}" for stress, total in zip(STRESSES, totals[1:], strict=True))
    measured = f"costs of {cost * 1e4:g} bp leave {text}; it breaks even at {even * 1e4:.1f} bp"
    if not _trades(decisions):
        return unmeasured("costs", "it trades nothing on this data", "Let it trade.")
    change = "Trade less often, or only where more is to be earned than costs take."
    if totals[0] <= 0:
        change = "It loses without costs, too: change the idea."
    return judged("costs", measured, change, passes=totals[2] > 0, returns=totals, break_even=even)


def plateau(strategy: Strategy, bars: MarketColumns, cost: float, own: float) -> Finding:
    """Return whether configurations a fifth away do at least half as well; ``own`` is the score to compare with."""
    name, around = "plateau", params_grid.neighbours(strategy, len(bars.instruments))
    if not around:
        return passed(name, "it has no params")
    scores = [score(earned(near, bars, cost)) for near in around]
    middle = float(np.median(scores))
    if own <= 0:
        return passed(name, "it earns nothing, so there is no peak that it could have been put on")
    worst = around[int(np.argmin(scores))]
    values = ", ".join(f"{key}={value:g}" for key, value in worst.params._asdict().items())
    measured = (
        f"params a fifth away score {middle / own:.0%} of its own in the middle, {min(scores) / own:.0%} at {values}"
    )
    change = "It stands on a peak: take params whose neighbours do as well, though they score less."
    return judged(name, measured, change, passes=middle >= PLATEAU_MIN * own, share=middle / own)
