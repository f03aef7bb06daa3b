"""The report of a run as a trader reads it: 80 columns, signs, and a reason where there is no figure."""

import io
import json
from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from fanfold.cli.argument_types import Options
from fanfold.cli.commands import report
from fanfold.cli.output import Answer, plain, show, write_blocks
from fanfold.cli.report_text import blocks, lines, parts_table, sparkline
from fanfold.cli.summary import Summary, document
from fanfold.errors import NothingThere
from fanfold.performance.measuring import Part, Performance, TripStatistics
from fanfold.performance.ratios import Drawdown, EquityPoint
from fanfold.performance.texts import duration

NO_TRIPS = TripStatistics(
    round_trips=0, win_rate=None, profit_factor=None, expectancy=None, best=None, worst=None, average_held_s=None
)
TRIPS = TripStatistics(
    round_trips=1_234, win_rate=Decimal("0.5"), profit_factor=Decimal("1.25"), expectancy=Decimal("12.5"),
    best=Decimal(20000), worst=Decimal("-12345.67"), average_held_s=3_660,
)  # fmt: skip


def performance(**changed: object) -> Performance:
    parts = [
        Part(name="mean_reversion", profit=Decimal("-123456.78"), fees=Decimal("1234.56"), fills=9, trips=TRIPS),
        Part(name="trend", profit=Decimal("223456.78"), fees=Decimal("4.56"), fills=9, trips=NO_TRIPS),
    ]
    whole = Performance(
        accounts=["main"], currency="USDT", since=1_772_323_200, until=1_772_366_400, start=Decimal(100_000),
        equity=Decimal(99_000), fees=Decimal("1239.12"), total_return=Decimal("-0.01"), buy_and_hold=Decimal("0.02"),
        trips=TRIPS, days=0, sharpe=None, sortino=None, cagr=None, invested=0.5, gross_exposure=0.25,
        drawdown=Drawdown(share=Decimal("0.02"), peak=1_772_323_200, low=1_772_330_400, recovered=None),
        by_strategy=parts, by_instrument=parts[:1], by_day=[], curve=[EquityPoint(1, Decimal(1))],
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changed)


def summary(*performances: Performance, **changed: object) -> Summary:
    whole = Summary(
        accounts=[], bars=10, signals=3, orders=2, refused=1, refusals={"ORDER_NOTIONAL": 1},
        refusal_example="buy BTC/USDT for trend: ORDER_NOTIONAL, 30000 is over 25000", fills=2, fees=Decimal(1),
        equity=Decimal(2), total_return=Decimal(0), drawdown=Decimal(0), realised=Decimal(0), unrealised=Decimal(0),
        cash=Decimal(2), messages={"bars": 10}, defects={}, dead_letters=0, legs=[], latency_ms_p50=40,
        latency_ms_p99=90, audit_records=99, audit_verified=True, books_balance=True, timeframe="1d", bars_traded=120,
        bars_per_second=12.5, minutes=120 * 1_440, minutes_per_second=18_000.0, first="2026-03-02 00:00",
        last="2026-06-29 00:00", performance=list(performances),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changed)


def text(whole: Summary, *, verbose: bool = False) -> str:
    return "\n".join(f"{label} {value}" for label, value in lines(whole, verbose=verbose))


def test_a_report_fits_eighty_columns():
    report_blocks = blocks(summary(performance()), verbose=False)
    printed = [block if isinstance(block, str) else plain(block) for block in report_blocks]
    widest = max((line for block in printed for line in block.splitlines()), key=len)
    assert len(widest) <= 80, widest


def test_bars_of_a_day_are_told_with_their_span_in_days():
    assert "120 bars of 1d, 2026-03-02 00:00 to 2026-06-29 00:00 (120 days)" in text(summary())


def test_what_cannot_be_computed_is_a_dash_with_the_reason():
    printed = text(summary(performance(trips=NO_TRIPS, drawdown=None, buy_and_hold=None)))
    assert "Sharpe - (needs 10 whole days, there are 0)" in printed
    assert "CAGR - (needs 30 days)" in printed
    assert "round trips 0: nothing that was opened was closed" in printed
    assert "buy and hold - (no price)" in printed
    assert "drawdown none" in printed
    assert "Sortino - (no day lost)" in text(summary(performance(days=40)))
    assert "profit factor - (none lost)" in text(
        summary(performance(trips=msgspec.structs.replace(TRIPS, profit_factor=None)))
    )


def test_figures_have_their_sign_unit_and_dates():
    printed = text(summary(performance(sharpe=1.234, sortino=2.0, cagr=0.5, days=40)))
    for figure in ("return -1.00%, profit -1,000.00 USDT", "buy and hold +2.00%", "Sharpe 1.23, annualised from 40",
                   "CAGR +50.00% a year", "won 50.00%, profit factor 1.25", "held 1 hour 1 minute",
                   "2.00%, from 2026-03-01 00:00 to 2026-03-01 02:00, not recovered"):  # fmt: skip
        assert figure in printed


def test_engineering_figures_are_told_when_asked_for():
    assert "tick to order" not in text(summary(performance()))
    printed = text(summary(performance()), verbose=True)
    assert "tick to order p50 40 ms, p99 90 ms" in printed
    assert "dead letters 0" in printed


def test_orders_that_would_have_been_short_on_spot_are_told_once_with_the_cure():
    printed = text(summary(short_on_spot={"late": 3}))
    assert printed.count("would have been short") == 1
    assert "no short late: 3 of its orders would have been short, which a spot account cannot be;" in printed
    assert 'give its account kind = "margin"' in printed
    assert "no short" not in text(summary())


def test_an_interrupted_run_and_halts_say_so():
    printed = text(summary(interrupted=True, halts=["main HALTED at 2026-03-01 00:00:00: sleep"]))
    assert "INTERRUPTED before its end" in printed
    assert "halts main HALTED at" in printed
    assert "halts none" in text(summary())


def test_accounts_of_several_currencies_are_not_added_up():
    both = summary(performance(), performance(currency="BTC", start=Decimal(2), equity=Decimal("2.5")))
    assert "equity 99,000.00 USDT, from 100,000.00" in text(both)
    assert "equity 2.50000000 BTC, from 2.00000000" in text(both)


def test_a_table_of_parts_has_a_total():
    table = parts_table("strategy", performance().by_strategy, 2)
    assert table.rows[-1] == ("total", "1,234", "", "", "", "", "1,239.12", "+100,000")
    assert table.rows[0][-1] == "-123,457"
    assert len(parts_table("instrument", performance().by_instrument, 2).rows) == 1


def test_a_flat_curve_is_a_flat_line():
    assert sparkline([EquityPoint(at, Decimal(5)) for at in range(100)], 60) == "▁" * 60
    assert sparkline([], 60) == ""
    assert duration(1) == "1 second"


@pytest.mark.parametrize(
    ("terminal", "environ", "colours"), [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False)]
)
def test_profit_and_loss_are_coloured_on_a_terminal(terminal, environ, colours):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, _environ={"TERM": "xterm-256color", **environ})
    write_blocks(["return +1.00%, loss -2.00%, 2026-03-01, x-1 HALTED"], console)
    green, red = "\x1b[32m+1.00%", "\x1b[31m-2.00%"
    assert [green in out.getvalue(), red in out.getvalue()] == [colours, colours]
    assert "\x1b[31m-03" not in out.getvalue()


@pytest.fixture
def state(tmp_path):
    (tmp_path / "runs" / "1").mkdir(parents=True)
    for folder, equity in ((tmp_path, 99_000), (tmp_path / "runs" / "1", 98_000)):
        whole = document(summary(performance(equity=Decimal(equity))))
        (folder / "summary.json").write_text(json.dumps(whole))
    return tmp_path


def shown(answer: Answer, *, as_json: bool = False) -> str:
    out = io.StringIO()
    show(answer, as_json=as_json, out=out)
    return out.getvalue()


def test_the_report_of_a_run_is_read_without_its_desk(state):
    options = Options(state, json=False, command="report")
    assert "99,000.00 USDT" in shown(report.command(options=options))
    assert "98,000.00 USDT" in shown(report.command("1", options=options))
    assert "mean_reversion" in shown(report.command(options=options, by="strategy"))
    parts = json.loads(shown(report.command(options=options, by="instrument"), as_json=True))
    assert parts["parts"]["USDT"][0]["profit"] == "-123456.78"


@pytest.mark.parametrize("run", ["2", "../1", "x"])
def test_a_run_that_is_not_there_is_named(state, run):
    with pytest.raises(NothingThere, match="there is no run"):
        report.command(run, options=Options(state, json=False, command="report"))


def test_a_state_directory_without_a_run_says_so(tmp_path):
    with pytest.raises(NothingThere, match="there is no run in"):
        report.command(options=Options(tmp_path, json=False, command="report"))
