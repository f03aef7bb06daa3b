"""The desk file: what could not trade is refused by the name of its key, what is written is read back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold import desk, desk_entries
from fanfold.errors import BadInput
from fanfold.strategy import contract
from support.core_desk import A, instance, raw

VENUE, ACCOUNT, STRATEGY, LIMITS = ["venues", "v"], ["accounts", "main"], ["strategies", "trend"], ["limits", "main"]
RULES = ["instruments", A]
ABSENT = object()
WRONG: list[tuple[list[str], Any, str]] = [
    (["bots"], {}, r"\[bots\] is no table of a desk"),
    (["venues"], [], r"\[venues\] must be a table of tables"),
    ([*VENUE, "kind"], "nyse", r"\[venues.v\].*`kind`"),
    ([*VENUE, "kind"], "ccxt", r"\[venues.v\].*`exchange`"),
    ([*VENUE, "symbols"], [], r"\[venues.v\] `symbols`"),
    ([*VENUE, "symbols"], [A, A], r"\[venues.v\] `symbols`"),
    ([*VENUE, "symbols"], ["XRP/USDT"], r"\[venues.v\] `symbols` names XRP/USDT"),
    ([*VENUE, "symbols"], [7], r"\[venues.v\].*`symbols"),
    ([*VENUE, "symbols"], ["BTC/USDT:USDT"], r"\[venues.v\].*a contract that settles in USDT.*such as BTC/USDT"),
    ([*VENUE, "symbols"], ["BTC/USD:BTC-260327"], r"\[venues.v\].*a contract that settles in BTC"),
    ([*STRATEGY, "timeframe"], "7d", r"\[strategies.trend\] `timeframe`.*Monday.*use 1d"),
    ([*VENUE, "timeframe"], "1w", r"\[venues.v\] `timeframe`: timeframe '1w'"),
    ([*RULES, "amount_min"], "-1", r"\[instruments.BTC/USDT\] `amount_min`"),
    ([*RULES, "amount_max"], "Infinity", r"\[instruments.BTC/USDT\] `amount_max`"),
    (
        RULES,
        {
            "base": "BTC",
            "quote": "USDT",
            "tick": "0.01",
            "lot": "0.001",
            "notional_min": "5",
            "amount_min": "2",
            "amount_max": "1",
            "as_of": "",
            "source": "",
        },
        r"\[instruments.BTC/USDT\] `amount_max`.*no order fits",
    ),
    ([*VENUE, "grace_s"], 11, r"\[venues.v\] `grace_s` is 11; it must be at most 10: a poll"),
    ([*VENUE, "grace_s"], -1, r"\[venues.v\] `grace_s`"),
    ([*VENUE, "jump_max"], "0", r"\[venues.v\] `jump_max` is 0; it must be above zero"),
    ([*VENUE, "jump_max"], "-1", r"\[venues.v\] `jump_max`"),
    ([*VENUE, "speed"], 1, r"\[venues.v\].*`speed`"),
    (["venues", "a#b"], {"kind": "replay", "symbols": [A]}, r"\[venues.a#b\] is no name"),
    (["accounts", "my book"], {}, r"\[accounts.my book\] is no name"),
    ([*ACCOUNT, "venue"], "w", r"\[accounts.main\] `venue`"),
    ([*ACCOUNT, "cash"], "0", r"\[accounts.main\] `cash`"),
    ([*ACCOUNT, "cash"], "nan", r"\[accounts.main\] `cash`"),
    ([*ACCOUNT, "cash"], "Infinity", r"\[accounts.main\] `cash`"),
    ([*ACCOUNT, "cash"], ABSENT, r"\[accounts.main\].*`cash`"),
    ([*ACCOUNT, "currency"], "EUR", r"\[accounts.main\] `currency`"),
    ([*ACCOUNT, "mode"], "wet", r"\[accounts.main\].*`mode`"),
    ([*ACCOUNT, "taker_bps"], "-1", r"\[accounts.main\] `taker_bps`"),
    ([*ACCOUNT, "participation_max"], "0", r"\[accounts.main\] `participation_max`"),
    ([*ACCOUNT, "participation_max"], "1.5", r"\[accounts.main\] `participation_max`"),
    ([*STRATEGY, "strategy"], "astrology", r"\[strategies.trend\].*'astrology'"),
    ([*STRATEGY, "account"], "other", r"\[strategies.trend\] `account`"),
    ([*STRATEGY, "instruments"], [], r"\[strategies.trend\] `instruments`"),
    ([*STRATEGY, "instruments"], ["XRP/USDT"], r"\[strategies.trend\] `instruments`.*XRP/USDT"),
    ([*STRATEGY, "instruments"], [A, A], r"\[strategies.trend\] `instruments`"),
    ([*STRATEGY, "timeframe"], "soon", r"\[strategies.trend\] `timeframe`: timeframe 'soon'"),
    ([*STRATEGY, "params", "fast"], 99, r"\[strategies.trend\].*fast is 99"),
    ([*STRATEGY, "params", "fast"], "x", r"\[strategies.trend\].*'fast'"),
    ([*STRATEGY, "params", "depth"], 1, r"\[strategies.trend\].*'depth'"),
    ([*STRATEGY, "allocation"], "0", r"\[strategies.trend\] `allocation`"),
    ([*STRATEGY, "allocation"], "1.1", r"\[strategies.trend\] `allocation` is 1.1; it must be at most 1: it is"),
    ([*STRATEGY, "allocation"], "15", r"\[strategies.trend\] `allocation` is 15.*0.05 is 5 %"),
    ([*STRATEGY, "band"], "10", r"\[strategies.trend\] `band` is 10.*0.05 is 5 %"),
    ([*STRATEGY, "volatility"], "60", r"\[strategies.trend\] `volatility` is 60.*0.6 is 60 %"),
    ([*LIMITS, "daily_loss_max"], "5", r"\[limits.main\] `daily_loss_max` is 5.*0.05 is 5 %"),
    ([*LIMITS, "drawdown_max"], "20", r"\[limits.main\] `drawdown_max` is 20.*0.05 is 5 %"),
    ([*LIMITS, "gross_max"], "150", r"\[limits.main\] `gross_max` is 150.*1.5 is 150 %"),
    ([*LIMITS, "orders_per_minute_max"], 10**30, r"\[limits.main\] `orders_per_minute_max`"),
    ([*RULES, "tick"], "1e-17", r"\[limits.main\] `position_notional_max` at a price of one tick"),
    ([*VENUE, "jump_max"], "25", r"\[venues.v\] `jump_max` is 25.*0.05 is 5 %"),
    ([*ACCOUNT, "cash"], "1e30", r"\[accounts.main\] `cash` is 1E\+30; it must be at most 1,000,000,000,000,000"),
    ([*ACCOUNT, "cash"], "0.1234567890123456789", r"\[accounts.main\] `cash`.*more than 18 decimals"),
    ([*ACCOUNT, "taker_bps"], "100000", r"\[accounts.main\] `taker_bps` is 100000.*10 are 0.1 %"),
    ([*ACCOUNT, "maker_bps"], "-20000", r"\[accounts.main\] `maker_bps`"),
    ([*RULES, "tick"], "1e-20", r"\[instruments.BTC/USDT\] `tick`.*more than 18 decimals"),
    (
        RULES,
        {
            "base": "BTC",
            "quote": "USDT",
            "tick": "1e-12",
            "lot": "1e-15",
            "notional_min": "5",
            "as_of": "x",
            "source": "x",
        },
        r"\[instruments.BTC/USDT\] a lot at a price of one `tick` has 27 decimals.*to 26",
    ),
    ([*RULES, "lot"], "1e16", r"\[instruments.BTC/USDT\] `lot`"),
    ([*STRATEGY, "band"], "-0.1", r"\[strategies.trend\] `band`"),
    ([*STRATEGY, "volatility"], "nan", r"\[strategies.trend\] `volatility`"),
    ([*STRATEGY, "order_ttl_s"], 0, r"\[strategies.trend\] `order_ttl_s`"),
    (LIMITS, ABSENT, r"\[limits.main\] is missing"),
    (["limits", "mian"], {"order_notional_max": "1", "position_notional_max": "1"}, r"\[limits.mian\] is of no"),
    ([*LIMITS, "order_notional_max"], "-1", r"\[limits.main\] `order_notional_max`"),
    ([*LIMITS, "signal_age_s_max"], "soon", r"\[limits.main\].*`signal_age_s_max`"),
    ([*RULES, "tick"], "0", r"\[instruments.BTC/USDT\] `tick`"),
    ([*RULES, "lot"], "0", r"\[instruments.BTC/USDT\] `lot`"),
    ([*RULES, "quote"], ABSENT, r"\[instruments.BTC/USDT\].*`quote`"),
]


def changed(path: list[str], value: Any) -> dict[str, Any]:
    tables = raw()
    inner = tables
    for step in path[:-1]:
        inner = inner[step]
    if value is ABSENT:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return tables


@pytest.mark.parametrize(("path", "value", "says"), WRONG, ids=[".".join(path) for path, _, _ in WRONG])
def test_a_wrong_value_is_refused_by_the_name_of_its_key(path: list[str], value: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        desk.build(changed(path, value), "desk.toml")


def test_a_venues_timeframe_that_an_instances_is_no_multiple_of_is_refused() -> None:
    tables = changed([*VENUE, "timeframe"], "5m")
    with pytest.raises(BadInput, match=r"\[strategies.trend\] `timeframe` 1m is no multiple of the venue's 5m"):
        desk.build(tables, "desk.toml")


@pytest.mark.parametrize("text", ["= 1", "[venues", 'a = "'])
def test_invalid_toml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BadInput, match=r"mine.toml is not TOML: .*\(at (line 1|end of document)"):
        desk.parse(text, "mine.toml")


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b"7"])
def test_a_document_that_is_no_desk_is_refused(document: bytes) -> None:
    with pytest.raises(BadInput, match=r"desk.json is not a desk"):
        desk.load(document, "desk.json")


def test_a_maker_fee_may_be_negative() -> None:
    assert desk.build(changed([*ACCOUNT, "maker_bps"], "-0.5"), "desk.toml").accounts["main"].maker_bps < 0


def test_a_dumped_desk_is_loaded_with_the_same_meaning() -> None:
    text = TOML
    parsed = desk.parse(text)
    again = desk.load(desk.dump(parsed), "desk.json")
    assert desk.dump(again) == desk.dump(parsed)
    assert msgspec.structs.replace(again, strategies={}) == msgspec.structs.replace(parsed, strategies={})
    for name, configured in parsed.strategies.items():
        loaded = again.strategies[name]
        assert contract.bind(configured.strategy, configured.params, 2) == contract.bind(
            loaded.strategy, loaded.params, 2
        )
        assert msgspec.structs.replace(loaded, params={}) == msgspec.structs.replace(configured, params={})


def test_a_strategy_instance_keeps_the_timeframe_it_names() -> None:
    parsed = desk.build(raw(other=instance(timeframe="1h", allocation="1")), "desk.toml")
    assert parsed.strategies["other"].timeframe == "1h"


TOML = """
[venues.v]
kind = "replay"
symbols = ["BTC/USDT", "ETH/USDT"]
[accounts.main]
venue = "v"
kind = "margin"
currency = "USDT"
cash = 10_000.10
[strategies.pair]
strategy = "pairs"
params = { window = 50, entry = 1.5, exit = 0.1 }
instruments = ["BTC/USDT", "ETH/USDT"]
timeframe = "5m"
allocation = 0.1
account = "main"
[limits.main]
order_notional_max = 1000
position_notional_max = 2000.5
[instruments."BTC/USDT"]
base = "BTC"
quote = "USDT"
tick = 0.01
lot = 0.00001
notional_min = 5
as_of = "2026-03-01"
source = "test"
[instruments."ETH/USDT"]
base = "ETH"
quote = "USDT"
tick = 0.01
lot = 0.0001
notional_min = 5
as_of = "2026-03-01"
source = "test"
"""


def test_a_pair_on_a_spot_account_is_refused_for_its_short_leg_could_never_go_out() -> None:
    text = (Path(__file__).resolve().parents[2] / "desk.toml").read_text()
    with pytest.raises(BadInput, match=r"\[strategies.spread\] pairs is short.*spot account cannot"):
        desk.parse(text.replace('kind = "margin"', 'kind = "spot"'))


def test_more_legs_than_an_accounts_poll_holds_are_refused_with_the_cure() -> None:
    document = raw()
    coins = [f"C{number}/USDT" for number in range(desk_entries.LEGS_MAX // 2 + 1)]
    document["instruments"] |= dict.fromkeys(coins, document["instruments"][A])
    document["venues"]["v"]["symbols"] += coins
    document["strategies"] = {
        name: document["strategies"]["trend"] | {"instruments": coins, "allocation": "0.5"} for name in ("a", "b")
    }
    with pytest.raises(BadInput, match=r"\[accounts.main\] its strategies have 3,002 legs; an account takes 3,000"):
        desk.build(document, "desk.toml")


def test_more_instruments_than_an_accounts_poll_holds_are_refused_with_the_cure() -> None:
    document = raw()
    coins = [f"C{number}/USDT" for number in range(desk_entries.SYMBOLS_MAX)]
    document["instruments"] |= dict.fromkeys(coins, document["instruments"][A])
    document["venues"]["v"]["symbols"] += coins
    with pytest.raises(BadInput, match=r"\[venues.v\] `symbols` names 4,0\d\d instruments; a venue takes 4,000"):
        desk.build(document, "desk.toml")


def test_one_account_of_a_venue_is_live() -> None:
    tables = raw()
    tables["venues"]["v"] |= {"kind": "ccxt", "exchange": "binance"}
    tables["accounts"]["main"] |= {"kind": "spot", "mode": "live"}
    tables["accounts"]["other"] = dict(tables["accounts"]["main"])
    tables["limits"]["other"] = dict(tables["limits"]["main"])
    with pytest.raises(BadInput, match=r"\[accounts.other\] is live at v, as main is"):
        desk.build(tables, "test")
    tables["accounts"]["other"]["mode"] = "paper"
    assert desk.build(tables, "test").accounts["other"].mode == "paper"
