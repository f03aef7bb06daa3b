"""The plan of a run follows from the desk file and the options, and reports what it changed."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli import strategy_template
from fanfold.errors import BadInput
from fanfold.local import run_plan
from fanfold.local.run_plan import RunPlan

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"
ASKED: dict[str, Any] = {"data": [], "strategy": None, "params": {}, "since": None, "until": None, "minutes": 5}


def planned(desk_file: Path = DESK, **options: Any) -> RunPlan:
    return run_plan.plan(desk_file, **ASKED | options)


def prices(folder: Path, name: str, minutes: int) -> str:
    """A file of bars that close from 2026-01-01T00:01 on."""
    rows = [f"{1_767_225_600_000 + n * 60_000},100.0,101.0,99.0,100.5,12.5" for n in range(minutes)]
    path = folder / name
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    return str(path)


def written(folder: Path, text: str) -> Path:
    path = folder / "desk.toml"
    path.write_text(text)
    return path


def test_without_data_the_seeded_market_is_traded_after_two_days_of_warming_up() -> None:
    plan = planned()
    assert {recording.instrument for recording in plan.recordings} == set(plan.desk.venues["market"].symbols)
    assert (plan.start - run_plan.SEEDED_START) // 60 == run_plan.WARM_UP_MINUTES + 1
    assert (plan.until - plan.start) // 60 + 1 == 5
    assert plan.notes == []


def test_the_seeded_market_is_made_as_long_as_the_first_close_needs() -> None:
    late = run_plan.SEEDED_START + (run_plan.WARM_UP_MINUTES + 40) * 60
    plan = planned(since=late)
    assert (plan.start, (plan.until - plan.start) // 60 + 1) == (late, 5)
    early = run_plan.SEEDED_START + 60
    assert planned(since=early).start == early


def test_the_seeded_market_is_traded_to_the_end_that_was_named() -> None:
    first = run_plan.SEEDED_START + (run_plan.WARM_UP_MINUTES + 1) * 60
    for since, minutes in ((None, 1_000), (first + 6_000, 900), (None, 1)):
        until = (since or first) + (minutes - 1) * 60
        plan = planned(since=since, until=until, minutes=None)
        assert (plan.start, plan.until) == (since or first, until)
    assert planned(until=first + 60_000, minutes=5).until == first + 240


def test_a_span_that_ends_before_it_begins_is_refused_before_data_is_read() -> None:
    with pytest.raises(BadInput, match=r"--from 2026-01-01T01:00.* is after --until 2026-01-01T00:30"):
        planned(data=["/nonexistent.csv"], since=run_plan.SEEDED_START + 3_600, until=run_plan.SEEDED_START + 1_800)


def test_a_strategy_with_all_cash_may_buy_one_instrument_before_another_is_sold() -> None:
    limits = planned(strategy="sma_cross").desk.limits["main"]
    assert (limits.gross_max, limits.net_max) == (Decimal("1.5"), Decimal("1.5"))
    shipped = planned(strategy="trend").desk.limits["main"]
    assert (shipped.gross_max, shipped.net_max) == (Decimal("0.85"), Decimal(1))


def test_a_repeated_param_is_refused() -> None:
    assert run_plan.params(["fast=10", "slow=20"]) == {"fast": "10", "slow": "20"}
    with pytest.raises(BadInput, match="--param fast is given twice"):
        run_plan.params(["fast=10", "fast=20"])


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    (short, *_), (long, *_) = planned().recordings, planned(minutes=9).recordings
    assert list(long.bars(0, short.count)) == list(short.bars())


def test_a_real_venue_plays_the_seeded_market_and_says_how_to_ask_the_real_one(tmp_path: Path) -> None:
    real = written(tmp_path, DESK.read_text().replace('kind = "replay"', 'exchange = "binance"\nkind = "ccxt"', 1))
    plan = planned(real)
    assert plan.desk.venues["market"].kind == "replay"
    assert plan.notes == ["market plays the seeded market; `fanfold run --live binance` asks the real one"]
    assert plan.recordings == planned().recordings


def test_a_live_account_of_the_desk_trades_on_paper_here(tmp_path: Path) -> None:
    plan = planned(written(tmp_path, DESK.read_text().replace("[accounts.main]", '[accounts.main]\nmode = "live"')))
    assert {account.mode for account in plan.desk.accounts.values()} == {"paper"}
    assert "account main is live in the desk file; here it trades on paper" in plan.notes


def test_rules_that_the_desk_file_has_of_an_instrument_hold_over_those_of_its_file(tmp_path: Path) -> None:
    text, path = DESK.read_text(), prices(tmp_path, "BTCUSDT-1m.csv", 60)
    inferred = planned(data=[path]).desk.instruments["BTC/USDT"]
    # The desk file's are those of the seeded market, which tell nothing of a file.
    assert inferred.source.startswith("inferred from")
    own = text.replace("lot = 0.00001", "lot = 0.25").replace('source = "seeded market"', 'source = "a venue"', 1)
    plan = planned(written(tmp_path, own), data=[path])
    rules = plan.desk.instruments["BTC/USDT"]
    assert (rules.lot, rules.tick, rules.source) == (Decimal("0.25"), Decimal("0.01"), "a venue")
    (note,) = [note for note in plan.notes if "desk file's rules" in note]
    assert f"tick 0.01 and not {inferred.tick}, lot 0.25 and not {inferred.lot}" in note


def test_a_step_written_with_other_digits_is_the_same_step(tmp_path: Path) -> None:
    """A file's tick of 0.00000001 is inferred as 1E-8."""
    bars = [(1_767_225_600 + 60 * number, "0.00001234", "5") for number in range(60)]
    lines = [f"{at},{price},{price},{price},{price},{volume}" for at, price, volume in bars]
    lines[1] = lines[1].replace("0.00001234", "0.00001235", 1).replace("0.00001234", "0.00001235", 1)
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    inferred = planned(data=[str(path)]).desk.instruments["BTC/USDT"]
    own = DESK.read_text().replace("tick = 0.01", "tick = 0.000000010", 1)
    own = own.replace("lot = 0.00001", f"lot = {inferred.lot:f}", 1)
    plan = planned(written(tmp_path, own), data=[str(path)])
    assert plan.desk.instruments["BTC/USDT"].source == "seeded market"
    assert not [note for note in plan.notes if "desk file's rules" in note]


def test_files_are_the_universe_and_strategies_follow_them(tmp_path: Path) -> None:
    plan = planned(data=[prices(tmp_path, "BTCUSDT-1m.csv", 90)], minutes=None)
    assert plan.desk.venues["market"].symbols == ["BTC/USDT"]
    assert all(strategy.instruments == ["BTC/USDT"] for strategy in plan.desk.strategies.values())
    assert any("is left out: it needs more instruments than there are" in note for note in plan.notes)


def test_one_strategy_is_kept_with_the_params_that_were_asked_for() -> None:
    plan = planned(strategy="trend", params={"fast": "7"})
    assert list(plan.desk.strategies) == ["trend"]
    assert plan.desk.strategies["trend"].params == {"fast": "7", "slow": 100}
    assert "only trend trades" in plan.notes


def test_a_strategy_that_the_desk_does_not_have_is_put_up_with_all_cash() -> None:
    plan = planned(strategy="momentum")
    assert plan.desk.strategies["momentum"].allocation == 1
    (note,) = [note for note in plan.notes if note.startswith("momentum trades with all cash of main")]
    limits = plan.desk.limits["main"]
    assert f"widened to {limits.order_notional_max // 100_000:,} times that cash" in note
    assert f"and {limits.gross_max} times equity" in note


def test_a_bundle_is_not_put_up_on_a_spot_account(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r'which the spot account main cannot be; give it kind = "margin"'):
        planned(written(tmp_path, strategy_template.DESK), strategy="pairs")


def test_an_instance_of_the_desk_keeps_its_limits() -> None:
    assert planned(strategy="trend").desk.limits == planned().desk.limits


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strategy": "luck"}, "'luck' is neither an instance of the desk"),
        ({"strategy": "trnd"}, r"did you mean `trend`\?"),
        ({"params": {"fast": "7"}}, "--param needs a strategy"),
        ({"until": run_plan.SEEDED_START}, "nothing is left to trade"),
        ({"minutes": 10**12}, "the seeded market is made for 200,000 minutes at most"),
    ],
)
def test_options_that_cannot_be_run_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        planned(**options)


def test_two_files_of_one_instrument_are_one_series(tmp_path: Path) -> None:
    names = [prices(tmp_path, name, minutes) for name, minutes in (("BTCUSDT-1m.csv", 5), ("BTC_USDT-1m.csv", 9))]
    (recording,) = planned(data=names).recordings
    assert (recording.instrument, recording.count) == ("BTC/USDT", 9)


def test_a_desk_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name the desk file with --desk"):
        planned(tmp_path / "none.toml")


def test_a_pair_without_an_equals_sign_is_no_param() -> None:
    assert run_plan.params(["fast=7", "name=a=b"]) == {"fast": "7", "name": "a=b"}
    with pytest.raises(BadInput, match="'fast' is not of the form"):
        run_plan.params(["fast"])


@pytest.mark.parametrize(("name", "quote"), [("ETHBTC-1m.csv", "BTC"), ("BTCEUR-1m.csv", "EUR")])
def test_another_quote_currency_asks_for_its_cash(tmp_path: Path, name: str, quote: str) -> None:
    data = [prices(tmp_path, name, 5)]
    with pytest.raises(BadInput, match=f"quoted in {quote}, and account main has 100000 USDT: say how much {quote}"):
        planned(data=data)
    plan = planned(data=data, cash=Decimal("2.5"))
    assert (plan.desk.accounts["main"].currency, plan.desk.accounts["main"].cash) == (quote, Decimal("2.5"))
    assert plan.desk.limits["main"].order_notional_max == Decimal("1.125")
    assert "account main begins with 2.5, and its limits are in the same measure" in plan.notes


def test_a_dollar_is_a_dollar_under_another_name(tmp_path: Path) -> None:
    made = planned(data=[prices(tmp_path, "BTCUSDC-1m.csv", 5)])
    assert (made.desk.accounts["main"].currency, made.desk.accounts["main"].cash) == ("USDC", Decimal(100_000))


def two_venues(folder: Path) -> Path:
    """The desk with a second venue, where a spot account rotates two of the instruments."""
    return written(
        folder,
        DESK.read_text()
        + """
[venues.other]
kind = "replay"
symbols = ["SOL/USDT", "XRP/USDT"]
timeframe = "5m"

[accounts.second]
venue = "other"
currency = "USDT"
cash = 20_000

[strategies.second]
strategy = "sma_cross"
instruments = ["XRP/USDT"]
timeframe = "5m"
allocation = 1
account = "second"

[limits.second]
order_notional_max = 20_000
position_notional_max = 20_000
""",
    )


def test_a_desk_of_several_venues_and_accounts_trades_the_seeded_market(tmp_path: Path) -> None:
    made = planned(two_venues(tmp_path))
    assert {name: venue.symbols for name, venue in made.desk.venues.items()} == {
        "market": ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"],
        "other": ["SOL/USDT", "XRP/USDT"],
    }
    assert [recording.instrument for recording in made.recordings] == made.desk.venues["market"].symbols
    assert set(made.desk.accounts) == {"main", "second"}


def test_each_venue_takes_the_files_that_it_names_and_one_without_any_is_left_out(tmp_path: Path) -> None:
    desk_file = two_venues(tmp_path)
    files = [prices(tmp_path, f"{name}USDT-1m.csv", 90) for name in ("XRP", "BTC", "DOGE")]
    plan = planned(desk_file, data=files)
    assert {name: venue.symbols for name, venue in plan.desk.venues.items()} == {
        "market": ["XRP/USDT", "BTC/USDT"],
        "other": ["XRP/USDT"],
    }
    assert "DOGE/USDT is not traded: no venue of the desk names it" in plan.notes
    alone = planned(desk_file, data=files[1:2])
    assert (set(alone.desk.venues), set(alone.desk.accounts)) == ({"market"}, {"main"})
    assert "venue other is left out, with second: none of its instruments are in the data" in alone.notes
    with pytest.raises(BadInput, match=r"no venue of the desk names what the data holds \(DOGE/USDT\)"):
        planned(desk_file, data=files[2:])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("venues = 3", r"\[venues\] must be a table of tables"),
        ("accounts = { main = 7 }", r"\[accounts.main\]"),
        ("[accounts.main]\nvenue = 'v'\ncurrency = 'USDT'\ncash = 'lots'", r"\[accounts.main\].*`cash`"),
        ("[strategies.s]\ninstruments = 'BTC/USDT'", r"\[strategies.s\]"),
        ("", "the desk has no venue to trade at"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"strategy": "sma_cross"}, {"cash": Decimal(5)}])
def test_a_desk_file_of_another_shape_is_refused(
    tmp_path: Path, wrong: str, named: str, options: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match=named):
        planned(written(tmp_path, wrong), **options)


def test_fewer_minutes_than_a_bar_has_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1h.csv"
    rows = [f"{1_767_225_600_000 + n * 3_600_000},100.0,101.0,99.0,100.5,12.5" for n in range(9)]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    with pytest.raises(BadInput, match="--minutes 5 is less than a bar of 1h"):
        planned(data=[str(path)], minutes=5)


def test_the_market_of_a_run_that_stays_is_recorded_beyond_what_is_traded_first() -> None:
    plan, staying = planned(), planned(beyond=7)
    assert (staying.start, staying.until) == (plan.start, plan.until)
    for first, longer in zip(plan.recordings, staying.recordings, strict=True):
        assert longer.closes_at_s(-1) == first.closes_at_s(-1) + 7 * 60
