"""`make research`, a newcomer's third command: back-test, sweep, verdict and a tear sheet."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "build" / "research" / "sma_cross.html"


def test_the_seeded_market_is_researched_and_a_page_is_written():
    PAGE.unlink(missing_ok=True)
    done = subprocess.run(["make", "research"], cwd=ROOT, capture_output=True, text=True, check=True)
    for line in ("20 trials of sma_cross", "median sharpe by fast and slow", "checks failed", "ok look-ahead"):
        assert line in done.stdout
    assert PAGE.stat().st_size < 500_000
    assert PAGE.with_suffix(".json").exists()
