"""Legs whose whole weight the venue or the limits do not take are told, before a run that would trade nothing."""

from pathlib import Path
from typing import Any

import pytest

from fanfold.cli.main import main
from fanfold.desk import Desk
from fanfold.local import whole_weights
from support.backtests import desk_of, instance


def notes_of(built: Desk) -> tuple[list[str], list[str]]:
    return list(whole_weights.too_small(built)), list(whole_weights.too_large(built))


def of(cash: str, **changes: Any) -> Desk:
    return desk_of({"a": instance("sma_cross", ["BTC/USDT"], allocation="1", **changes)}, cash=cash, kind="spot")


def test_a_leg_that_can_buy_less_than_the_venue_takes_is_told() -> None:
    (small,), large = notes_of(of("5"))
    # The order leaves 2 % for its collar and 0.1 % for its fee.
    assert small.startswith(
        "a BTC/USDT: a weight of 1 is worth 4.90 at the start, and the venue takes no order below 5"
    )
    assert not large
    assert notes_of(of("6")) == ([], [])


def test_a_leg_of_which_a_whole_weight_is_refused_is_told() -> None:
    small, large = notes_of(of("100000"))
    assert not small
    assert [line.split("`")[1] for line in large] == ["order_notional_max", "position_notional_max"]
    assert "is worth 97941.27" in large[0]
    assert "`order_notional_max` of main is 90000: such an order is refused" in large[0]
    assert [line.split("`")[1] for line in notes_of(of("100000", slices=2, slices_over_s=60))[1]] == [
        "position_notional_max"
    ]
    assert notes_of(of("100000", volatility="0.5")) == ([], [])
    assert notes_of(of("90000")) == ([], [])


def test_legs_share_their_instance_and_a_universe_may_put_all_into_one() -> None:
    legs = desk_of({"a": instance("sma_cross", allocation="1")}, cash="18", kind="margin")
    assert len(notes_of(legs)[0]) == 4
    universe = desk_of({"a": instance("momentum", allocation="1")}, cash="18", kind="margin")
    assert notes_of(universe) == ([], [])


def test_a_back_test_that_can_buy_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["backtest", "sma_cross", "--minutes", "300", "--cash", "5", "--library", str(tmp_path)]
    assert main(words) == 0
    assert "the venue takes no order below 5: it trades nothing until" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["take_profit", "volatility"])
def test_desk_check_says_what_a_large_share_is(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, changed = Path("desk.toml").read_text(), tmp_path / "desk.toml"
    changed.write_text(text.replace('strategy = "sma_cross"', f'strategy = "sma_cross"\n{key} = 5', 1))
    assert main(["desk", "check", str(changed)]) == 0
    assert f"`{key}` is 5, which is 500 %; 0.05 is 5 %" in capsys.readouterr().out


def test_desk_check_tells_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, changed = Path("desk.toml").read_text(), tmp_path / "desk.toml"
    changed.write_text(text.replace("order_notional_max = 45_000", "order_notional_max = 1_000"))
    assert main(["desk", "check", str(changed)]) == 0
    assert "`order_notional_max` of main is 1000: such an order is refused" in capsys.readouterr().out
