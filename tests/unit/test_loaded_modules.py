"""A fast back-test of a file loads no module that takes long and that it does not need."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from support.desk_fixture import ROOT
from support.python_processes import python

SCRIPT = """
import sys

from fanfold.cli.main import main

code = main(sys.argv[1:])
slow = {"botocore", "ccxt", "duckdb", "fanfold.simulation.full_run", "pyarrow.dataset", "rich", "urllib.request"}
print("code", code, *sorted(slow & sys.modules.keys()))
"""


def test_a_fast_back_test_loads_what_it_needs(tmp_path: Path) -> None:
    file, closes = tmp_path / "bars.parquet", 60_000.0 + np.arange(500) % 7
    times = np.datetime64("2026-01-01", "ms") + np.arange(500) * np.timedelta64(60_000, "ms")
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    parquet.write_table(pa.table({"time": times, **prices, "volume": np.full(500, 1e9)}), file)
    words = ["backtest", "sma_cross", "--data", f"{file}=BTC/USDT", "--desk", str(ROOT / "desk.toml"), "--json"]
    printed = python("-c", SCRIPT, *words, "--library", str(tmp_path / "library"))
    assert printed.splitlines()[-1] == "code 0"
