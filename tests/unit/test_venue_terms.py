"""The terms of venues as data: ids that fit, and answers that are definitive."""

import re

import pytest

from fanfold import ids
from fanfold.errors import BadInput
from fanfold.trading.venue_terms import BINANCE, KRAKEN, terms_of

VENUES = ("binance", "kraken", "coinbase", "okx", "bybit")
IDS = [ids.client_order_id(ids.derive("order", number)) for number in range(200)]


@pytest.mark.parametrize("exchange", VENUES)
def test_every_id_of_ours_fits_the_venue_and_comes_back(exchange: str) -> None:
    terms = terms_of(exchange)
    forms = [terms.client_id(own) for own in IDS]
    assert all(len(form) <= terms.client_id_length_max for form in forms)
    assert all(re.fullmatch(terms.client_id_pattern, form) for form in forms)
    assert [terms.own_id(form) for form in forms] == IDS
    assert len(set(forms)) == len(IDS)


def test_ids_of_others_stay_as_they_are() -> None:
    assert KRAKEN.own_id("mine-by-hand") == "mine-by-hand"
    assert KRAKEN.own_id("d15708c1-dbb6-465d-b77d-47258319cc90") == "d15708c1-dbb6-465d-b77d-47258319cc90"
    assert BINANCE.own_id("x-TKT5PX2F") == "x-TKT5PX2F"


@pytest.mark.parametrize(("exchange", "wrong"), [("okx", "with-dash"), ("kraken", "short"), ("binance", "x" * 37)])
def test_an_id_that_does_not_fit_is_refused(exchange: str, wrong: str) -> None:
    with pytest.raises(BadInput, match=re.escape(wrong[:5])):
        terms_of(exchange).client_id(wrong)


def test_an_unknown_exchange_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match=r"bybt.*bybit is near.*binance, kraken, coinbase, okx, bybit"):
        terms_of("bybt")


@pytest.mark.parametrize("exchange", VENUES)
@pytest.mark.parametrize(
    "code", ["-1006", "-1007", "-1000", "50004", "51149", "10016", "170146", "", "0", "EService:Busy"]
)
def test_no_code_that_leaves_the_outcome_open_is_definitive(exchange: str, code: str) -> None:
    assert not terms_of(exchange).definitive(code)


def test_a_code_with_details_is_the_same_code() -> None:
    assert KRAKEN.definitive("EGeneral:Invalid arguments:volume minimum not met")
    assert not KRAKEN.definitive("EGeneral:Invalid argumentsX")


@pytest.mark.parametrize("exchange", VENUES)
def test_no_definitive_code_is_also_a_duplicate(exchange: str) -> None:
    terms = terms_of(exchange)
    assert not terms.rejections & terms.duplicates
    assert terms.margin_s >= 2 * terms.window_s
