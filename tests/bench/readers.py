"""The cost of reading a data file and a minute of a recording, and of writing a line of metrics."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from printed import table

from fanfold.aws.telemetry.metrics import Metrics
from fanfold.importers import data_files
from fanfold.simulation.market import catalogue, market
from fanfold.venues.replay import ReplayVenue, write

START = 1_767_225_600
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 130_000
MINUTES = 300
SOL = "SOL/USDT"


def main() -> None:
    with TemporaryDirectory() as folder:
        rows = [
            ("a CSV of 130,000 bars, s of CPU", _file(Path(folder) / "SOLUSDT-1m.csv")),
            ("a minute of a recorded instrument, µs", _best(_recorded(Path(folder) / "recorded")) * 1e6),
            ("a line of figures, µs", _best(_line()) * 1e6),
        ]
    table("8. Reading and writing, the best of 200 where they are short", ("what", "time"), rows)


def _file(path: Path) -> float:
    lines = (f"{START + n * 60},100.25,101.5,99.75,100.5,12.5" for n in range(ROWS))
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    began = process_time()
    assert len(data_files.read(str(path)).series.bars) == ROWS
    return process_time() - began


def _recorded(folder: Path) -> Callable[[int], object]:
    write(folder, market(3, list(catalogue()), MINUTES, START))
    venue = ReplayVenue(folder)
    return lambda lap: venue.bars(SOL, "1m", START + lap * 60, START + (lap + 1) * 60)


def _line() -> Callable[[int], object]:
    counts = Metrics("dev", lambda: NOW, len)

    def written(_lap: int) -> None:
        counts.add("Orders", 2)
        counts.measure("QueueAge", 12)
        counts.flush({"Function": "f", "Request": "r"})

    return written


def _best(work: Callable[[int], object]) -> float:
    laps = []
    for lap in range(200):
        began = perf_counter()
        work(lap)
        laps.append(perf_counter() - began)
    return min(laps)


if __name__ == "__main__":
    main()
