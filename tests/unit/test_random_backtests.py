"""A fast back-test of a random desk is the run of the production verbs: each fill, refusal and equity.

``RANDOM_DESKS`` says how many desks are tried, ``FIRST_DESK`` the seed of the first.
"""

import os
from collections.abc import Iterator, Sequence

import pytest

from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.strategy import folder
from support.backtests import START, bars, fast, full
from support.random_desks import RandomDesk, copy_strategies, random_desk
from support.tiny_prices import at_tiny_prices

FIRST, DESKS = int(os.environ.get("FIRST_DESK", "0")), int(os.environ.get("RANDOM_DESKS", "24"))


@pytest.fixture(scope="module", autouse=True)
def _strategies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    own = tmp_path_factory.mktemp("strategies")
    copy_strategies(own)
    folder.use(own)
    yield
    folder.use(None)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + DESKS))
def test_a_random_desk_trades_the_same_fast_and_in_full(seed: int) -> None:
    drawn = random_desk(seed)
    compare(drawn, drawn.desk, bars(drawn.market, drawn.minutes))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + DESKS // 2))
def test_so_does_one_at_tiny_prices_of_quantities_whose_products_fit_into_no_64_bits(seed: int) -> None:
    drawn = random_desk(seed)
    compare(drawn, *at_tiny_prices(seed, drawn.desk, bars(drawn.market, drawn.minutes)))


def compare(drawn: RandomDesk, desk: Desk, recordings: Sequence[Recording]) -> None:
    span = START + 60 * drawn.begins, START + 60 * drawn.minutes
    quick, whole = fast(desk, recordings, *span), full(desk, recordings, *span)
    assert sorted(quick.fills) == sorted(whole.fills)
    assert sorted(quick.refusals) == sorted(whole.refusals)
    assert quick.equity == {at: whole.equity[at] for at in quick.equity}
