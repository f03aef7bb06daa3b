"""Record what arch makes of made-up returns: `make oracle`. Nothing of Fanfold is imported here."""

import json
from pathlib import Path
from typing import Any

import arch
import numpy as np
from arch.bootstrap import SPA, StationaryBootstrap

RECORDED = Path(__file__).with_name("recorded") / "verdict.json"
TIMES, SAMPLES, BLOCK = 90, 120, 6
# Seed -> the mean return of each configuration.
RUNS = {1: (0.0, 0.0, 0.0), 2: (0.25, 0.0, -0.1), 3: (0.12, 0.1, -0.6, -0.02), 4: (-0.3, -0.2)}


def made_up(seed: int, means: tuple[float, ...]) -> np.ndarray:
    """Return autocorrelated returns with four decimals, a column a configuration."""
    shocks = np.random.default_rng(seed).standard_normal((TIMES, len(means)))
    shocks[1:] += 0.3 * shocks[:-1]
    return np.round(shocks + means, 4)


def answers(seed: int, returns: np.ndarray) -> dict[str, Any]:
    """Return the probabilities, with the places that arch drew for them: it draws them again for the same seed."""
    test = SPA(np.zeros(TIMES), -returns, block_size=BLOCK, reps=SAMPLES, bootstrap="stationary", seed=seed)
    test.compute()
    drawn = StationaryBootstrap(BLOCK, np.arange(TIMES), seed=seed).bootstrap(SAMPLES)
    return {
        "returns": returns.tolist(),
        "places": [places[0].tolist() for places, _ in drawn],
        "probabilities": test.pvalues.to_dict(),
        "variance": test._loss_diff_var.tolist(),
    }


def main() -> None:
    runs = [answers(seed, made_up(seed, means)) for seed, means in RUNS.items()]
    recorded = {"made_with": {"arch": arch.__version__}, "block": BLOCK, "runs": runs}
    RECORDED.write_text(json.dumps(recorded, separators=(",", ":")).replace('{"returns"', '\n{"returns"') + "\n")


if __name__ == "__main__":
    main()
