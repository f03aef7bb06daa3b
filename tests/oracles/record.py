"""Record what pandas and empyrical make of made-up runs: `make oracle`.

They have an environment of their own: wherever pandas is installed pyarrow imports it, and each function of a local
desk would start half a second later. Nothing of Fanfold is imported here.
"""

import json
import random
from pathlib import Path
from typing import Any

import empyrical
import pandas as pd

RECORDED = Path(__file__).with_name("recorded") / "performance.json"
START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, CLOSE_H = 45, 4
CASH = 100_000
INSTRUMENTS = {"BTC/USDT": 600.0, "ETH/USDT": 40.0}
INSTANCES = ("trend", "reversion")
# Seed -> the drift of prices a close.
RUNS = {1: 0.0, 2: 0.004, 3: -0.003}


def made_up(seed: int, drift: float) -> dict[str, Any]:
    """Return fills at random minutes and closes of whole days; quantities are whole, prices have two decimals."""
    draw = random.Random(seed)
    closes = {}
    prices = dict(INSTRUMENTS)
    for number in range(1, DAYS * 24 // CLOSE_H + 1):
        for name, price in prices.items():
            prices[name] = round(price * (1 + draw.gauss(drift, 0.02)), 2)
        closes[str(START + pd.Timedelta(hours=number * CLOSE_H))] = dict(prices)
    minutes = sorted(draw.sample(range(1, DAYS * 1_440), 160))
    return {"cash": CASH, "fills": [_fill(draw, number, at) for number, at in enumerate(minutes)], "closes": closes}


def _fill(draw: random.Random, number: int, minute: int) -> dict[str, Any]:
    instrument = draw.choice(list(INSTRUMENTS))
    price = round(INSTRUMENTS[instrument] * draw.uniform(0.8, 1.25), 2)
    quantity = draw.randint(1, 12)
    return {
        "at": str(START + pd.Timedelta(minutes=minute)),
        "instance": draw.choice(INSTANCES),
        "instrument": instrument,
        "side": draw.choice(["buy", "sell"]),
        "quantity": quantity,
        "price": price,
        # Each unit's share of it is whole steps of cash.
        "fee": round(0.25 * quantity, 2),
        "order_id": f"order-{number}",
    }


def answers(run: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of docs/report.md, by pandas' own means."""
    fills = pd.DataFrame(run["fills"])
    fills["at"] = pd.to_datetime(fills["at"])
    fills["signed"] = fills["quantity"].where(fills["side"] == "buy", -fills["quantity"])
    fills["cash"] = -fills["signed"] * fills["price"] - fills["fee"]
    closes = pd.DataFrame.from_dict(run["closes"], orient="index")
    closes.index = pd.to_datetime(closes.index)
    equity, exposed = _equity(fills, closes, run["cash"])
    growth = closes.iloc[-1] / closes.iloc[0] - 1
    daily = equity.asfreq("D").pct_change().dropna()
    within = equity.pct_change().dropna()
    per_day = equity.asfreq("D").diff().dropna()
    return {
        "equity": equity.iloc[-1],
        "total_return": equity.iloc[-1] / run["cash"] - 1,
        "buy_and_hold": growth.mean(),
        "fees": fills["fee"].sum(),
        "invested": (exposed > 0).mean(),
        "gross_exposure": (exposed / equity.iloc[1:]).mean(),
        "days": len(daily),
        "sharpe": empyrical.sharpe_ratio(daily, annualization=365),
        "sortino": empyrical.sortino_ratio(daily, annualization=365),
        "cagr": empyrical.cagr(daily, annualization=365),
        "volatility": empyrical.annual_volatility(daily, annualization=365),
        # Its own calmar_ratio takes the drawdown of whole days; ours is of every close.
        "calmar": empyrical.cagr(daily, annualization=365) / -empyrical.max_drawdown(within),
        "turnover": (fills["quantity"] * fills["price"]).sum() / equity.iloc[1:].mean(),
        "drawdown": -empyrical.max_drawdown(within),
        "drawdown_longest_s": _longest(equity).total_seconds(),
        "peak": str(equity[: _low(equity)].idxmax()),
        "low": str(_low(equity)),
        **_trips(fills),
        "by_strategy": _parts(fills, closes.iloc[-1], "instance"),
        "by_instrument": _parts(fills, closes.iloc[-1], "instrument"),
        "by_day": {str((at - pd.Timedelta(days=1)).date()): profit for at, profit in per_day.items()},
    }


def _equity(fills: pd.DataFrame, closes: pd.DataFrame, cash: float) -> tuple[pd.Series, pd.Series]:
    """Return equity from the start on, and what was held at each close, long or short, by its close."""
    moved = fills.pivot_table(index="at", columns="instrument", values="signed", aggfunc="sum").cumsum()
    times = moved.index.union(closes.index)
    held = moved.reindex(times).ffill().fillna(0).loc[closes.index]
    money = fills.groupby("at")["cash"].sum().cumsum().reindex(times).ffill().fillna(0).loc[closes.index]
    worth = held * closes
    equity = cash + money + worth.sum(axis=1)
    return pd.concat([pd.Series({START: float(cash)}), equity]), worth.abs().sum(axis=1)


def _low(equity: pd.Series) -> pd.Timestamp:
    return (equity / equity.cummax() - 1).idxmin()


def _longest(equity: pd.Series) -> pd.Timedelta:
    """Return the longest time from a peak to the return to it, or to the end."""
    below = equity < equity.cummax()
    peaks = equity.index.to_series().groupby((~below).cumsum()).first()
    ends = peaks.shift(-1).fillna(equity.index[-1])
    fell = below.groupby((~below).cumsum()).any()
    return (ends - peaks)[fell].max()


def _trips(fills: pd.DataFrame) -> dict[str, Any]:
    """Pair single units, the oldest first; those that an order closes are a round trip."""
    units = fills.loc[fills.index.repeat(fills["quantity"])]
    units = units.assign(side=units["signed"] / units["quantity"], share=units["fee"] / units["quantity"])
    pairs = [pair for _, group in units.groupby(["instance", "instrument"]) for pair in _paired(group)]
    table = pd.DataFrame(pairs, columns=["order", "opened", "closed", "profit"])
    trips = table.groupby("order").agg(opened=("opened", "min"), closed=("closed", "max"), profit=("profit", "sum"))
    profits = trips["profit"]
    return {
        "round_trips": len(trips),
        "win_rate": (profits > 0).mean(),
        "profit_factor": profits[profits > 0].sum() / -profits[profits < 0].sum(),
        "expectancy": profits.mean(),
        "best": profits.max(),
        "worst": profits.min(),
        "average_held_s": (trips["closed"] - trips["opened"]).mean().total_seconds(),
    }


def _paired(units: pd.DataFrame) -> list[tuple[str, pd.Timestamp, pd.Timestamp, float]]:
    pairs, waiting = [], []
    for unit in units.itertuples():
        if waiting and waiting[0].side != unit.side:
            first = waiting.pop(0)
            profit = first.side * (unit.price - first.price) - first.share - unit.share
            pairs.append((unit.order_id, first.at, unit.at, profit))
        else:
            waiting.append(unit)
    return pairs


def _parts(fills: pd.DataFrame, last: pd.Series, column: str) -> dict[str, float]:
    worth = fills["cash"] + fills["signed"] * fills["instrument"].map(last)
    return worth.groupby(fills[column]).sum().to_dict()


def main() -> None:
    runs = [made_up(seed, drift) for seed, drift in RUNS.items()]
    recorded = {
        "made_with": {"empyrical-reloaded": empyrical.__version__, "pandas": pd.__version__},
        "runs": [{**run, "answers": answers(run)} for run in runs],
    }
    RECORDED.write_text(json.dumps(recorded, default=float).replace('{"cash"', '\n{"cash"') + "\n")


if __name__ == "__main__":
    main()
