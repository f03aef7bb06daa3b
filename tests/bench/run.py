"""All benches, each in a process of its own, or those that are named: ``run.py imports handlers``.

``run.py storm`` measures nothing: it writes the page's section of the last ``make storm``. So does ``run.py simulator``
of ``make sim-record``, with a profile of where a schedule's time goes.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHES = (
    "handlers",
    "imports",
    "console",
    "aws_calls",
    "resident",
    "calls",
    "readers",
    "data_reading",
    "cold_start",
    "markets",
)
# What needs the images, figures of ``make storm`` and ``make sim-record``, or other engines.
NAMED_ALONE = (
    "images",
    "storm",
    "simulator",
    "full",
    "research",
    "research_plain",
    "research_stops",
    "research_command",
    "research_sweep",
    "research_sweep_by_cash",
    "research_orders",
    "research_permutations",
    "anomalies",
    "tax",
    "page",
)
TESTS = [ROOT / "tests", ROOT / "tests" / "bench"]


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in chosen if name not in (*BENCHES, *NAMED_ALONE)]
    if unknown:
        sys.exit(f"there is no bench {unknown[0]!r}; there are {', '.join((*BENCHES, *NAMED_ALONE))}")
    paths = [ROOT / "shared", *sorted((ROOT / "services").iterdir()), *TESTS]
    # Without byte code imports take two to four times as long.
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    for name in chosen:
        subprocess.run([sys.executable, str(ROOT / "tests" / "bench" / f"{name}.py")], env=environ, check=True)


if __name__ == "__main__":
    main()
