"""The CPU and memory that a cold start of each image takes, and the size of the image.

Import and first invocation under Lambda's runtime client, of a process in the image, are held against ``import
botocore.session`` by the same interpreter in the same minute. AWS is an emulator on loopback.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from printed import table

from fanfold import desk
from fanfold.aws.client.connect import connect
from fanfold.deployment import SERVICES
from fanfold.desk import Desk
from fanfold.local import container_tool, run_plan
from fanfold.messages import encode
from fanfold.venues import replay
from fanfold.venues.ccxt.venue import catalogue
from support.emulator import ministack
from support.exchange_server import Candle, Exchange, serving
from support.running import HANDLERS, ROOT, SIZE, START, bars_message, event, recordings, small_aws

RUNS = 11
HERE = Path(__file__).resolve().parent
STATE = "/state"
MEASURE = "import botocore.session"
Case = dict[str, Any]


def main() -> None:
    rows = []
    with situation() as (environment, folder):
        for service in SERVICES:
            measures = measured(service, cases(service, environment), folder)
            whole, _ = measures[MEASURE]
            rows += [(service, name, cpu * 1e3, cpu / whole, mb) for name, (cpu, mb) in measures.items()]
    table(
        f"First invocation in the images: CPU of a process, median of {RUNS - 1} in turn",
        ("image", "case", "CPU ms", "ratio", "peak MB"),
        rows,
    )
    table(
        "Sizes of the images, all files, uncompressed",
        ("image", "MB"),
        [(service, size_mb(service)) for service in SERVICES],
    )


@contextmanager
def situation() -> Iterator[tuple[dict[str, str], Path]]:
    """An AWS with what the functions need, an exchange, and a folder with clocks, recordings and the live desk."""
    exchange = Exchange()
    now = int(time.time()) // 60 * 60
    exchange.candles = [Candle(now - back * 60, "100.0", "101.0", "99.0", "100.5", "5") for back in range(60, 0, -1)]
    with ministack() as aws, serving(exchange) as origin, TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        replay.write(folder / "recordings", recordings())
        for run in range(RUNS):
            (folder / f"clock-{run}").write_text(str(START + (run + 1) * 60))
        (folder / "desk-live.json").write_bytes(desk.dump(live_desk(origin)))
        environment = small_aws(connect("boto3", aws.endpoint), aws.endpoint.url or "")
        yield environment | {"VENUE_ORIGIN": origin, "RECORDINGS": f"{STATE}/recordings"}, folder


def live_desk(origin: str) -> Desk:
    """The repository's desk on paper at an exchange's public bars."""
    rules = catalogue("binance", ["BTC/USDT"], "2026-01-01", origin)
    raw = run_plan.live(ROOT / "desk.toml", "binance", ["BTC/USDT"], rules, [])
    return desk.build(raw, "desk.toml")


def cases(service: str, environment: dict[str, str]) -> dict[str, Case]:
    """The measure, the function with the desk of the image, and, where it has ccxt, with one exchange."""
    lent = [{"PYTHONPATH": "/lent"}] * RUNS
    clocks = [environment | {"CLOCK": f"market:{STATE}/clock-{run}"} for run in range(RUNS)]
    by_name = {
        MEASURE: {"command": ["-c", MEASURE], "environment": lent},
        "first invocation": function(service, clocks, message_events(service)),
    }
    if service in ("market-data", "execution"):
        live = [
            clock | {"DESK": f"{STATE}/desk-live.json", "CLOCK": "wall", "CURSORS_TABLE": "folds"} for clock in clocks
        ]
        by_name["first invocation, one exchange"] = function(service, live, message_events(service))
    return by_name


def function(service: str, environment: list[dict[str, str]], events: list[Any]) -> Case:
    handler = "poll" if service == "market-data" else HANDLERS[service]
    command = ["-m", "awslambdaric", f"{service.replace('-', '_')}_service.handler.{handler}"]
    return {"command": command, "environment": environment, "events": events}


def message_events(service: str) -> list[Any]:
    """A poll, or each run's own minute of bars."""
    if service == "market-data":
        return [{}] * RUNS
    return [event(service, encode(bars_message(run + 1)).decode()) for run in range(RUNS)]


def measured(service: str, cases: dict[str, Case], folder: Path) -> dict[str, tuple[float, float]]:
    """CPU seconds and peak MB of each case in the image of a service; botocore is lent to it."""
    container = container_tool.container(service)
    spec = find_spec("botocore")
    assert spec is not None
    assert spec.origin is not None
    mounts = {Path(spec.origin).resolve().parents[1]: "/lent", HERE: "/bench", folder: STATE}
    command = container_tool.command_in(
        container, ["python3", "/bench/first_invocation.py", f"{STATE}/plan"], {}, mounts
    )
    (folder / "plan").write_text(json.dumps({"runs": RUNS, "cases": cases}))
    done = subprocess.run(command, env=container_tool.environment(), capture_output=True, text=True, check=False)
    container_tool.remove(container)
    assert done.returncode == 0, done.stdout + done.stderr
    # The functions log there too.
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, tuple[float, float]])


def size_mb(service: str) -> float:
    """The size that `make test-images` compares with its bound."""
    container = container_tool.container(service)
    command = container_tool.command_in(container, ["python3", "-c", f"{SIZE}print(size('/'))"], {}, {})
    done = subprocess.run(command, env=container_tool.environment(), capture_output=True, text=True, check=True)
    container_tool.remove(container)
    return int(done.stdout) / 1e6


if __name__ == "__main__":
    main()
