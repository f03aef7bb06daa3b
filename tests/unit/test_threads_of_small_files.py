"""A small file is read in the thread that asks: a process that ends while others begin is aborted."""

import subprocess
import sys
from pathlib import Path

COUNTED = """
import os, sys
import pyarrow.csv
from fanfold.importers import joining
before = len(os.listdir("/proc/self/task"))
joining.read_all(sys.argv[1:], {})
print(len(os.listdir("/proc/self/task")) - before)
"""


def test_a_small_csv_starts_no_threads_of_its_own(tmp_path: Path) -> None:
    lines = [f"{1_772_323_200_000 + 60_000 * n},100,101,99,100,5" for n in range(100)]
    file = tmp_path / "BTCUSDT-1m.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    done = subprocess.run([sys.executable, "-c", COUNTED, file], capture_output=True, text=True, check=True)
    # One is the allocator's own, and is ended with the process.
    assert int(done.stdout) <= 1
