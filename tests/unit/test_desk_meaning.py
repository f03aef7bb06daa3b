"""Values of a desk file that cannot be meant are refused all at once, with their lines and what would be right."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.cli.strategy_template import DESK, example
from fanfold.errors import BadInput
from fanfold.local import desk_meaning
from fanfold.strategy import folder

MUTATIONS = {
    "an unknown key": (
        "cash = 100_000",
        "leverage = 3",
        r"line \d+: \[accounts\.main\] `leverage` is no key of it; it has venue, mode",
    ),
    "a mistyped key": ("taker_bps = 10", "taker_bp = 10", r"`taker_bp` is no key of it \(did you mean `taker_bps`\?\)"),
    "an unknown kind": (
        'kind = "spot" ',
        'kind = "futures" ',
        r"\[accounts\.main\] `kind` is .futures.; it must be one of spot, margin",
    ),
    "no order": ("order_notional_max = 30_000", "order_notional_max = 0", r"`order_notional_max` is 0, so nothing"),
    "no position": ("position_notional_max = 50_000", "position_notional_max = 0", r"`position_notional_max` is 0"),
    "no exposure": ("gross_max = 1.0", "gross_max = 0", r"`gross_max` is 0"),
    "no order a minute": ("gross_max = 1.0", "orders_per_minute_max = 0", r"`orders_per_minute_max` is 0"),
    "a tick of 3 cents": ("tick = 0.01", "tick = 0.03", r"`tick` is 0\.03; a tick divides 1"),
    "a tick of 1.5": ("tick = 0.01", "tick = 1.5", r"`tick` is 1\.5"),
    "another base": ('base = "BTC"', 'base = "ETH"', r"\[instruments\.BTC/USDT\] `base` is ETH, and BTC/USDT says BTC"),
    "another quote": ('quote = "USDT"', 'quote = "USD"', r"`quote` is USD, and BTC/USDT says USDT"),
    "no date": ('as_of = "2026-01-01"', 'as_of = "yesterday"', r"`as_of` is 'yesterday'; it is the date"),
    "no day": ('as_of = "2026-01-01"', 'as_of = "2026-02-30"', r"`as_of` is '2026-02-30'"),
    "seven minutes": (
        'timeframe = "5m"',
        'timeframe = "7m"',
        r"\[strategies\.dips\] `timeframe` 7m does not divide a day",
    ),
    "45 hours": ('timeframe = "5m"', 'timeframe = "45h"', r"`timeframe` 45h does not divide a day"),
    "no fresh bar": ("gross_max = 1.0", "bar_age_s_max = 0", r"`bar_age_s_max` is 0, so every order would come too"),
    "no loss": ("daily_loss_max = 0.05", "daily_loss_max = 0", r"`daily_loss_max` is 0, so the first fee would stop"),
    "a fee as a share": ("taker_bps = 10", "taker_bps = 0.001", r"`taker_bps` is 0\.001; it is in basis points"),
    "a rebate of ten fees": ("maker_bps = 8", "maker_bps = -100", r"`maker_bps` is -100, and `taker_bps` 10"),
    "an impact beyond the collar": (
        "slippage_bps = 1",
        "slippage_bps = 200",
        r"`slippage_bps` .* is 201 bps, and `collar",
    ),
    "an order above the limits": (
        "notional_min = 5",
        "notional_min = 40_000",
        r"takes no order below 40000, and the l",
    ),
    "an order above the cash": ("cash = 100_000", "cash = 9", r"`allocation` of the cash is 4\.50, and BTC/USDT takes"),
    "a number without quotes": ('currency = "USDT"', "currency = 5", r"`currency` is 5; it must be text in quotes"),
    "a switch for a number": ("cash = 100_000", "cash = true", r"`cash` is true; it must be a number"),
    "half an order": ("gross_max = 1.0", "orders_per_minute_max = 2.5", r"is 2\.5; it must be a whole number"),
    "a text for a count": ("gross_max = 1.0", 'orders_per_minute_max = "5"', r'is "5"; it must be a whole number'),
    "one text for a list": ('symbols = ["BTC/USDT", "ETH/USDT"]', 'symbols = "BTC/USDT"', r"must be a list of texts"),
    "an instrument in other letters": (
        'instruments = ["BTC/USDT", "ETH/USDT"]',
        'instruments = ["btcusdt"]',
        r"`instruments` names btcusdt \(did you mean `BTC/USDT`\?\)",
    ),
    "a mistyped table": ("[venues.", "[venue.", r"\[venue\] is no table of a desk \(did you mean `venues`\?\)"),
    "a key that is left out": ('source = "', '# source = "', r"`source` is missing: where the rules were fetched from"),
    "a short on spot": (
        'strategy = "my_dip" ',
        'strategy = "mean_reversion" ',
        r"`short` of mean_reversion is 1\.0.*spot",
    ),
}


@pytest.fixture(autouse=True)
def _own(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "my_dip.py").write_text(example())
    folder.use(tmp_path)
    yield
    folder.use(None)


def numbered(said: str, says: str) -> int:
    """Return the line that is named before what is said."""
    (mistake,) = [row for row in re.split(r"\n|(?=line \d+: )", said) if re.search(says, row)][:1]
    return int(re.findall(r"line (\d+): ", mistake)[0])


def refused(text: str) -> str:
    with pytest.raises(BadInput) as refusal:
        desk_meaning.parse(text, "desk.toml")
    return str(refusal.value)


@pytest.mark.parametrize("case", MUTATIONS)
def test_an_invalid_value_is_refused_with_its_line(case: str) -> None:
    old, new, says = MUTATIONS[case]
    text = DESK.replace(old, new, 1)
    if case == "a short on spot":
        text = re.sub(r"params = .*\n", "", text)
    said = refused(text)
    assert re.search(says, said), said
    line = text.splitlines()[numbered(said, says) - 1]
    places = (new, "[strategies.dips]", '[instruments."BTC/USDT"]', "slippage_bps", "allocation")
    assert line.startswith(places) or new in line


def test_the_desk_of_init_is_valid() -> None:
    assert list(desk_meaning.parse(DESK, "desk.toml").strategies) == ["dips"]


def test_every_fault_of_a_desk_file_is_named_at_once() -> None:
    text = DESK.replace("tick = 0.01", "tick = 0.03").replace("gross_max = 1.0", "gross_max = 0")
    assert len(re.findall(r"line \d+: \[", refused(text))) == 3


def test_an_unknown_exchange_is_named_with_those_near_it() -> None:
    text = DESK.replace('kind = "replay" ', 'kind = "ccxt"\nexchange = "binanze" ')
    assert "[venues.market] `exchange`: ccxt has no exchange 'binanze'; near it are binance" in refused(text)


def test_wrong_entries_of_different_tables_are_named_at_once() -> None:
    text = DESK.replace("taker_bps = 10", "taker_bp = 10").replace("tick = 0.01", 'tick = "small"')
    said = refused(text.replace("allocation = 0.5", "allocation = 5"))
    assert all(
        named in said for named in ("`taker_bp`", "[instruments.BTC/USDT]", "[instruments.ETH/USDT]", "`allocation`")
    )


def test_entries_that_do_not_fit_each_other_are_named_at_once() -> None:
    text = DESK.replace('currency = "USDT"', 'currency = "EUR"').replace('as_of = "2026-01-01"', 'as_of = "soon"', 1)
    said = refused(text)
    assert "`currency` is EUR" in said
    assert "`as_of` is 'soon'" in said


def test_limits_left_out_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "desk.toml"
    path.write_text(DESK.replace("net_max = 1.0\n", ""))
    assert main(["desk", "check", str(path), "--strategies", str(tmp_path)]) == 0
    assert "[limits.main] leaves out net_max" in capsys.readouterr().out


def test_an_empty_file_says_what_is_missing() -> None:
    said = refused("")
    assert "[venues.<name>] is missing; `fanfold init` writes a whole desk file" in said
    assert "[accounts.<name>] is missing" in said


def test_a_byte_order_mark_is_skipped_and_utf_16_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked, wide = tmp_path / "marked.toml", tmp_path / "wide.toml"
    marked.write_text(DESK, "utf-8-sig")
    wide.write_text(DESK, "utf-16")
    words = ["--strategies", str(tmp_path)]
    assert main(["desk", "check", str(marked), *words]) == 0
    shown = capsys.readouterr().out
    assert all(key in shown for key in ("maker_bps", "spread_bps", "slippage_bps", "daily_loss", "signal_age_s"))
    assert main(["desk", "check", str(wide), *words]) == 2
    assert "is no UTF-8 (UTF-16?); save it as UTF-8" in capsys.readouterr().err


def test_write_without_refresh_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["desk", "check", str(tmp_path / "desk.toml"), "--write"]) == 2
    assert "--write goes with --refresh" in capsys.readouterr().err
