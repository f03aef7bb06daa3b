"""A local desk as ``fanfold run`` starts it: resident memory, simulated minutes a second, and what bounds them."""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from handlers import loads_us
from printed import table

from fanfold import desk
from fanfold.deployment import STAGE
from fanfold.local import launcher
from fanfold.local.driver import DeskRun, environment, start_desk
from fanfold.local.launcher import Cloud
from fanfold.venues import replay
from support.situations import Situation, every_minute, repository_desk

MARKS = (250, 500, 1_000)
TICKS_S = os.sysconf("SC_CLK_TCK")
EMULATOR = "the emulator"


class Reading(NamedTuple):
    """A process name's resident memory in MB, CPU seconds, processes and invocations, at a moment."""

    resident: float
    cpu_s: float
    processes: int
    invocations: int


def main() -> None:
    marks = [int(mark) for mark in sys.argv[1:]] or list(MARKS)
    speeds = []
    for situation in (repository_desk(marks[-1]), every_minute(marks[-1])):
        loads = [loads_us()]
        with tempfile.TemporaryDirectory() as folder:
            readings, walls, orders = _traded(situation, Path(folder), marks)
        loads.append(loads_us())
        _memory(situation.name, marks, readings)
        speeds += _speeds(f"{situation.name} ({orders / marks[-1]:.1f})", marks, readings, walls, mean(loads))
    heads = (
        "situation (orders a minute)",
        "minutes",
        "minutes a second",
        "ms a minute",
        "json.loads us",
        "ms a minute, as a ratio to it",
        "emulator CPU ms",
        "functions CPU ms",
        "invocations a minute",
        "emulator CPU of wall",
    )
    table("6. Speed of the local run", heads, speeds)


def _traded(situation: Situation, state: Path, marks: list[int]) -> tuple[list[dict[str, Reading]], list[float], int]:
    """Readings before the first minute, at each mark and at the end; wall seconds up to the marks; orders."""
    replay.write(state / "recordings", situation.recordings)
    (state / "desk.json").write_bytes(desk.dump(situation.desk))
    (state / "clock").write_text(str(situation.closes[0]))
    with start_desk(state, environment(state, live=False)) as cloud:
        launcher.deploy(cloud, lambda _name: None)
        run = DeskRun(cloud, state)
        run.open_accounts(list(situation.desk.accounts))
        readings, walls = [_read(cloud)], [0.0]
        for first, last in zip([0, *marks], marks, strict=False):
            began = time.perf_counter()
            run.replay(situation.closes[first:last], 0.0, lambda _now: None, lambda: False)
            walls.append(walls[-1] + time.perf_counter() - began)
            readings.append(_read(cloud))
        run.finish()
        readings.append(_read(cloud))
        if run.dead_letters():
            raise AssertionError(f"{run.dead_letters()} messages are on dead-letter queues")
        return readings, walls, _orders(cloud)


def _orders(cloud: Cloud) -> int:
    call = cloud.call()
    count = 0
    request = {
        "TableName": f"fanfold-{STAGE}-ledger",
        "Select": "COUNT",
        "FilterExpression": "begins_with(pk, :order)",
        "ExpressionAttributeValues": {":order": {"S": "order#"}},
    }
    while True:
        page = call("dynamodb", "Scan", request)
        count += int(page["Count"])
        if "LastEvaluatedKey" not in page:
            return count
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _read(cloud: Cloud) -> dict[str, Reading]:
    readings = {EMULATOR: Reading(resident_mb(cloud.pid), cpu_s(cloud.pid), 1, 0)}
    for name, function in sorted(cloud.control("processes").items()):
        pids = function["pids"]
        readings[name.replace("-local", "")] = Reading(
            max((resident_mb(pid) for pid in pids), default=0.0),
            sum(cpu_s(pid) for pid in pids),
            len(pids),
            function["invocations"],
        )
    return readings


def _memory(name: str, marks: list[int], readings: list[dict[str, Reading]]) -> None:
    last = readings[-1]
    rows: list[tuple[object, ...]] = []
    for function in last:
        of_function = [reading.get(function) for reading in readings[1:]]
        sizes = [round(process.resident, 1) if process else "" for process in of_function]
        rows.append((function, last[function].processes, last[function].invocations, *map(str, sizes)))
    totals = [sum(process.resident * process.processes for process in reading.values()) for reading in readings[1:]]
    rows.append(("all", sum(process.processes for process in last.values()), "", *(f"{total:.0f}" for total in totals)))
    heads = ("process", "processes", "invocations", *(f"MB at {mark} minutes" for mark in marks), "MB at the end")
    table(f"5. Resident memory of the local desk: {name} (largest process of each function)", heads, rows)


def _speeds(
    name: str, marks: list[int], readings: list[dict[str, Reading]], walls: list[float], loads: float
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for at, (first, last) in enumerate(zip([0, *marks], marks, strict=False)):
        before, after = readings[at], readings[at + 1]
        minutes, wall = last - first, walls[at + 1] - walls[at]
        used = {
            function: after[function].cpu_s - (before[function].cpu_s if function in before else 0.0)
            for function in after
        }
        times = {
            function: after[function].invocations - (before[function].invocations if function in before else 0)
            for function in after
        }
        emulator = used.pop(EMULATOR)
        rows.append(
            (
                f"{name}, from {first}",
                minutes,
                minutes / wall,
                wall / minutes * 1e3,
                loads,
                wall / minutes * 1e6 / loads,
                emulator / minutes * 1e3,
                sum(used.values()) / minutes * 1e3,
                sum(times.values()) / minutes,
                emulator / wall,
            )
        )
    return rows


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def cpu_s(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


if __name__ == "__main__":
    main()
