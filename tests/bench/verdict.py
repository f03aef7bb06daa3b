"""The bias lab on strategies of which it is known whether they have an edge or a bias, and its time for 500,000 bars.

``verdict.py N`` tries N strategies without an edge; without it, a thousand.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from fanfold.research.bias_lab import judging
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.strategy import folder
from support import planted_biases, planted_edges
from support.planted_edges import Calls

ROOT = Path(__file__).resolve().parents[2]
EDGES, PERMUTATIONS, LONG = 100, 199, 500_000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rates("without an edge", [planted_edges.without_edge(seed, PERMUTATIONS) for seed in range(count)])
    rates("with an edge", [planted_edges.with_edge(seed, PERMUTATIONS) for seed in range(EDGES)])
    biases()
    whole("sma_cross", 1)
    whole("mean_reversion", 1)


def rates(name: str, calls: Sequence[Calls]) -> None:
    """Print how many were called significant by each test."""
    shares = dict(zip(Calls._fields, np.mean(calls, axis=0).tolist(), strict=True))
    print(f"{len(calls)} strategies {name}: " + ", ".join(f"{key} {share:.1%}" for key, share in shares.items()))


def biases() -> None:
    """Print how many planted biases are found, and how many strategies without one are called biased."""
    with tempfile.TemporaryDirectory() as name:
        for strategy in planted_biases.STRATEGIES:
            planted_biases.write(Path(name), strategy)
        folder.use(Path(name))
        hits = [
            planted_biases.findings_on(strategy, planted_biases.market_for(strategy))[planted.finds].outcome
            for strategy, planted in planted_biases.STRATEGIES.items()
        ]
    hits += [
        planted_biases.findings_on("sma_cross", market())[check].outcome
        for check, market in planted_biases.DATA.values()
    ]
    print(f"planted biases: {hits.count('failed')} of {len(hits)} found")
    folder.use(ROOT / "examples" / "strategies")
    wrong = [
        finding.line
        for name, params, count in planted_biases.CLEAN
        for finding in planted_biases.findings_on(name, planted_biases.clean_market(count), params).values()
        if finding.outcome == "failed"
    ]
    print(f"strategies without a bias: {len(wrong)} of {len(planted_biases.CLEAN)} called biased {wrong or ''}")


def whole(name: str, count: int) -> None:
    """Print the time of a whole verdict, and of its checks."""
    closes = planted_biases.walk(LONG, 7, 0.0005)
    market = judging.VerdictMarket([planted_biases.recorded(closes, seed=n + 1) for n in range(count)])
    marks: list[tuple[str, float]] = []
    began, used = perf_counter(), process_time()
    note: Callable[[str], None] = lambda check: marks.append((check, process_time()))  # noqa: E731
    judging.of_market(name, {}, market, EvidenceTerms(0.0012, 10, PERMUTATIONS, 1), note)
    ended = process_time()
    parts = zip(marks, [*(at for _, at in marks[1:]), ended], strict=True)
    print(f"{name}, {LONG:,} bars: {ended - used:.1f} s of processor, {perf_counter() - began:.1f} s of the wall; "
          + ", ".join(f"{check} {end - at:.1f}" for (check, at), end in parts))  # fmt: skip


if __name__ == "__main__":
    main()
