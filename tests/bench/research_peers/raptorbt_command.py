"""Trade the bars of a Parquet file in raptorbt: round trips and the return, as JSON."""

import json
import sys

import numpy as np
import pandas as pd
import raptorbt
from crossing import long_where

bars = pd.read_parquet(sys.argv[1])
held = long_where(bars["close"].to_numpy())
before = np.append(False, held[:-1])
columns = [bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
config = raptorbt.BacktestConfig(initial_capital=10_000.0, fees=0.0, slippage=0.0, fill_timing="next_bar_open")
times = bars["time"].astype("int64").to_numpy()
result = raptorbt.run_single_backtest(times, *columns, held & ~before, before & ~held, config=config)
last = bool(held[-2])
metrics = result.metrics
print(json.dumps({"round_trips": metrics.total_trades - last, "total_return": metrics.total_return_pct / 100}))
