"""Imports of a cold start: CPU time of a process that imports a handler, against ``import botocore.session``."""

import os
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from printed import table

from fanfold import desk
from fanfold.messages import SUBSCRIPTIONS

ROOT = Path(__file__).resolve().parents[2]
RUNS = 15
MEASURE = "botocore.session"
EXCHANGE = "from fanfold.venues.ccxt.client import Client; Client('binance')"


def main() -> None:
    cases = {
        "python -c pass": "pass",
        MEASURE: "import botocore.session",
        "boto3": "import boto3",
        "awslambdaric": "import awslambdaric.bootstrap",
        "ccxt": "import ccxt",
    }
    handlers = {name: f"import {name.replace('-', '_')}_service.handler" for name in SUBSCRIPTIONS}
    cases |= {f"{name} handler": code for name, code in handlers.items()}
    # msgspec loads it where it finds it, and no image holds it.
    absent = "import sys; sys.modules['typing_extensions'] = None; "
    cases |= {f"{name} handler, no typing_extensions": absent + code for name, code in handlers.items()}
    with TemporaryDirectory() as folder:
        cases |= {f"{name} handler, desk and client": _built(name, Path(folder)) for name in SUBSCRIPTIONS}
        cases |= {
            f"{name} handler, one exchange": f"{absent}{handlers[name]}; {EXCHANGE}"
            for name in ("execution", "market-data")
        }
        _measure(cases)


def _measure(cases: dict[str, str]) -> None:
    times: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(RUNS + 1):
        for name, code in cases.items():
            taken = cpu_s(code)
            # The first writes the byte code.
            if run:
                times[name].append(taken)
    whole = median(times[MEASURE])
    rows = [(name, median(cpu_times) * 1e3, median(cpu_times) / whole) for name, cpu_times in times.items()]
    table(
        f"3. Imports: CPU of a whole process, median of {RUNS} in turn, byte code there",
        ("import", "CPU ms", "ratio"),
        rows,
    )


def cpu_s(code: str) -> float:
    """User and system time of a fresh interpreter that runs the code."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", code], environ)
    _, status, used = os.wait4(process, 0)
    if status:
        raise AssertionError(f"{code!r} failed")
    return used.ru_utime + used.ru_stime


def _built(service: str, folder: Path) -> str:
    """Code that also reads the desk and makes the client, as the first invocation does."""
    document = folder / "desk.json"
    document.write_bytes(desk.dump(desk.parse((ROOT / "desk.toml").read_text())))
    environ = {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "FAULTS_TABLE": "faults",
        "DEAD_LETTERS": "dead-letters",
        "DESK": str(document),
    }
    package = f"{service.replace('-', '_')}_service"
    return f"import os; os.environ.update({environ!r}); from {package} import handler; handler.wiring.runtime()"


if __name__ == "__main__":
    main()
