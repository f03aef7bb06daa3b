"""What an image costs a cold start: CPU of a process in it, against ``import botocore.session`` there."""

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

from printed import table

from fanfold.console.images import layout, tool

RUNS = 9
VARIABLES = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
             "FAULTS_TABLE": "faults", "DEAD_LETTERS": "dead-letters"}
LIVE = "from fanfold.venues import slim_ccxt; slim_ccxt.load('binance')"
MEASURE = """
import json, os, sys
from statistics import median
found = {}
for run in range(RUNS + 1):
    for name, code in CASES.items():
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
        _, status, used = os.wait4(child, 0)
        assert status == 0, code
        found.setdefault(name, []).append(used.ru_utime + used.ru_stime)
print(json.dumps({name: median(times[1:]) for name, times in found.items()}))
"""


def main() -> None:
    rows = []
    for service in layout.SERVICES:
        times = measured(service)
        rows += [(service, name, times[name] * 1e3, times[name] / times["botocore.session"]) for name in times]
    table(f"Cold start in the images: CPU of a process, median of {RUNS} in turn",
          ("image", "case", "CPU ms", "ratio"), rows)


def measured(service: str) -> dict[str, float]:
    """CPU seconds of each case in the image of a service; botocore is lent to it."""
    container = tool.container(service)
    spec = find_spec("botocore")
    assert spec is not None
    assert spec.origin is not None
    package = f"{service.replace('-', '_')}_service"
    ready = f"import awslambdaric.bootstrap; from {package} import handler; handler.wiring.runtime()"
    cases = {"botocore.session": "import sys; sys.path.append('/lent'); import botocore.session", "ready": ready}
    if service in ("market-data", "execution"):
        cases["ready, one exchange of ccxt"] = f"{ready}; {LIVE}"
    code = f"RUNS = {RUNS}; CASES = {cases!r}\n{MEASURE}"
    lent = {Path(spec.origin).resolve().parents[1]: "/lent"}
    command = tool.command_in(container, ["python3", "-c", code], VARIABLES, lent)
    done = subprocess.run(command, env=tool.environment(), capture_output=True, text=True, check=False)
    tool.remove(container)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
