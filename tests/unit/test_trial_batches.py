"""Batches of trials: each row has the figures of the back-test of its configuration, wherever it runs."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import msgspec
import pytest

from fanfold.errors import BadInput
from fanfold.research.columns import integer_bars
from fanfold.research.fixed_size import fixed_size
from fanfold.research.sweeping.quantity_trials import fixed_terms
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow, TrialBatch, batches, check
from fanfold.research.sweeping.trial_rows import figures_of, row_schema
from fanfold.research.sweeping.trials import run_batch
from fanfold.research.tape import FillField
from fanfold.strategy import contract
from support.backtests import ALL, START, bars, desk_of, fast_result, instance

MINUTES = 400
WHOLE = TradedWindow(START + 60, START + 60 * MINUTES)
TRIED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "sma_cross": (ALL, {"fast": 5, "slow": 20}),
    "mean_reversion": (ALL, {"window": 20, "entry": 1.5, "exit": 0.3}),
    "breakout": (ALL, {"entry": 10, "exit": 5, "atr": 4, "short": 0.5}),
    "momentum": (ALL, {"window": 12, "top": 3, "every": 5}),
    "pairs": (["ETH/USDT", "BTC/USDT"], {"window": 30, "entry": 1.5}),
}


def job(strategy: str = "sma_cross", **changes: Any) -> SweepJob:
    own = SweepJob(
        desk=desk_of({"a": instance(strategy)}),
        configurations=({"fast": 5, "slow": 20}, {"fast": 10, "slow": 40}, {"fast": 20, "slow": 10}),
        markets=(("BTC/USDT",), ("ETH/USDT", "SOL/USDT")),
        windows=(WHOLE, TradedWindow(START + 6_000, START + 12_000)),
    )
    return msgspec.structs.replace(own, **changes)


def rows(wanted: SweepJob, size: int = 100) -> list[dict[str, Any]]:
    recordings = bars(7, MINUTES)
    return [row for batch in batches(wanted, size) for row in run_batch(batch, recordings).to_pylist()]


@pytest.mark.parametrize("strategy", TRIED)
def test_a_trial_has_the_figures_of_its_back_test(strategy: str) -> None:
    market, params = TRIED[strategy]
    (row,) = rows(job(desk=desk_of({"a": instance(strategy, market)}), configurations=(params,),
                      markets=(tuple(market),), windows=(WHOLE,)))  # fmt: skip
    traded = desk_of({"a": instance(strategy, market, params=params)})
    recordings = [recording for recording in bars(7, MINUTES) if recording.instrument in market]
    expected = figures_of(fast_result(traded, recordings, WHOLE.since, WHOLE.until).metrics)
    assert row["fills"] > 10
    got = {name: int(row[name].timestamp()) if name in {"drawdown_peak", "drawdown_low", "drawdown_recovered"}
           and row[name] else row[name] for name in expected}  # fmt: skip
    assert got == expected


def test_rows_do_not_depend_on_how_a_job_is_split() -> None:
    whole = rows(job())
    assert rows(job(), 1) == rows(job(), 2) == whole
    assert [row["trial"] for row in whole] == list(range(12)) == list(range(job().trials))


def test_a_batch_travels_as_json() -> None:
    recordings = bars(7, MINUTES)
    for batch in batches(job(terms=SizingTerms(quantity=Decimal("0.5")), markets=(("BTC/USDT",),)), 2):
        again = msgspec.json.decode(msgspec.json.encode(batch), type=TrialBatch)
        assert again == batch
        table = run_batch(again, recordings)
        assert table.schema == row_schema()
        assert table.equals(run_batch(batch, recordings))


def test_a_trial_that_the_strategy_refuses_is_a_row_with_the_reason() -> None:
    made = [row for row in rows(job()) if row["params"] == '{"fast":20,"slow":10}']
    assert len(made) == 4
    for row in made:
        assert row["error"] == "sma_cross: fast is 20 and slow is 10; fast must be at least 1 and below slow"
        assert row["equity"] is None
        assert row["data"]


def test_bars_that_are_not_there_are_named() -> None:
    (batch,) = batches(job(markets=(("DOGE/USDT",),), windows=(WHOLE,)), 100)
    with pytest.raises(BadInput, match="no bars of DOGE/USDT"):
        run_batch(batch, bars(7, 10))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"configurations": ()}, "no configuration"),
        ({"markets": ()}, "no market"),
        ({"windows": ()}, "no window"),
        ({"desk": desk_of({"a": instance("sma_cross"), "b": instance("breakout")})}, "varies one strategy"),
    ],
)
def test_a_job_without_a_trial_is_refused(changes: dict[str, Any], reason: str) -> None:
    check(job())
    with pytest.raises(BadInput, match=reason):
        check(job(**changes))


def test_a_quantity_is_whole_lots_of_one_instrument() -> None:
    for market, quantity, reason in ((("BTC/USDT",), "0.0000001", "no multiple of the lot"), (ALL, "1", "one instr")):
        (batch,) = batches(job(terms=SizingTerms(quantity=Decimal(quantity)), markets=(tuple(market),),
                               windows=(WHOLE,)), 100)  # fmt: skip
        with pytest.raises(BadInput, match=reason):
            run_batch(batch, bars(7, 10))


def test_a_fixed_quantity_fills_at_prices_that_were_traded() -> None:
    """An oracle in plain Python: fills are at the next open, moved by the slippage, and equity is their sum."""
    recording = next(each for each in bars(7, MINUTES) if each.instrument == "BTC/USDT")
    (batch,) = batches(job(terms=SizingTerms(quantity=Decimal("0.5")), markets=(("BTC/USDT",),), windows=(WHOLE,)), 9)
    terms, rows = fixed_terms(batch), run_batch(batch, [recording]).to_pylist()
    strategy = contract.bind("sma_cross", {"fast": 5, "slow": 20}, 1)
    seen = integer_bars(recording, 0, WHOLE.until)
    fills = fixed_size(strategy, seen, terms).fills
    opens = [int(bar.open) for bar in recording.bars()]
    cash, held = terms.cash, 0
    for fill in fills.tolist():
        at, lots, price = fill[FillField.AT], fill[FillField.LOTS], fill[FillField.PRICE]
        share = Decimal(opens[at]) * (1 + (1 if lots > 0 else -1) * terms.slippage_bps / 10_000)
        assert price == int(share.to_integral_value(ROUND_CEILING if lots > 0 else ROUND_FLOOR))
        notional = abs(lots) * terms.lot * Decimal(price).scaleb(-recording.price_scale)
        cash -= (notional if lots > 0 else -notional) + notional * terms.fee_bps / 10_000
        held += lots
    close = recording.price(int(seen.close[-1]))
    assert len(fills) > 10
    assert rows[0]["fills"] == len(fills)
    assert abs(rows[0]["equity"] - (cash + held * terms.lot * close)) < Decimal("0.0001")
