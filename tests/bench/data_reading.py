"""A CSV of two million bars: time and memory of this reader beside those that only read its columns."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from subprocess import run
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from printed import table

ROWS = 2_000_000
START = 1_640_995_200
MONTH = 30 * 1_440


def fanfold(path: str) -> int:
    from fanfold.importers import data_files

    return data_files.read(path).recording.count


def fanfold_month(path: str) -> int:
    """Read what a run needs that begins a month before the end."""
    from fanfold.importers import data_files
    from fanfold.importers.spans import Need

    needed = data_files.read(path, need=Need(START + (ROWS - MONTH) * 60)).recording.count
    assert MONTH <= needed < MONTH + 3 * 1_440
    return ROWS


def pyarrow(path: str) -> int:
    from pyarrow import csv

    return int(csv.read_csv(path).num_rows)


def duckdb(path: str) -> int:
    import duckdb as library

    return len(library.sql(f"SELECT * FROM read_csv('{path}')").fetchnumpy()["close"])


def polars(path: str) -> int:
    import polars as pl

    return int(pl.read_csv(path).height)


READERS: tuple[Callable[[str], int], ...] = (fanfold, fanfold_month, pyarrow, duckdb, polars)


def main() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "BTCUSDT-1m.csv"
        with path.open("w") as file:
            file.write("time,open,high,low,close,volume\n")
            file.writelines(
                f"{START + n * 60}000,{67_000 + n % 977}.05,{68_100 + n % 7}.5,{66_900 - n % 5}.25,"
                f"{67_000 + (n + 1) % 977}.05,{n % 31}.10138\n"
                for n in range(ROWS)
            )
        rows = [_measured(reader.__name__, path) for reader in READERS]
    heads = ("reader", "s", "s of CPU", "MB at most")
    table("10. A CSV of 2,000,000 bars: read, checked and made exact here; read to columns elsewhere", heads, rows)


def _measured(name: str, path: Path) -> tuple[object, ...]:
    if find_spec(name.partition("_")[0]) is None:
        return name, "not installed", "", ""
    # In a process of its own: memory at most is that of a process.
    done = run([sys.executable, __file__, name, str(path)], capture_output=True, text=True, check=True)
    return name, *map(float, done.stdout.split())


def _measure(name: str, path: str) -> None:
    began, worked = perf_counter(), process_time()
    (reader,) = (reader for reader in READERS if reader.__name__ == name)
    assert reader(path) == ROWS
    print(perf_counter() - began, process_time() - worked, getrusage(RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    _measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
