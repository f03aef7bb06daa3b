"""Ids are functions of their causes."""

from hypothesis import given
from hypothesis import strategies as st

from fanfold import ids

PART = st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=8)


@given(PART, st.lists(PART, max_size=4), PART, st.lists(PART, max_size=4))
def test_two_names_are_equal_where_their_causes_are(kind: str, parts: list[str], other: str, others: list[str]) -> None:
    assert (ids.derive(kind, *parts) == ids.derive(other, *others)) == ([kind, *parts] == [other, *others])


def test_ids_never_change() -> None:
    """Orders at venues and records in the audit chain are found by them."""
    signal = ids.signal_id("trend", "abc123", "BTC/USDT", "1m", 1_772_366_400)
    order = ids.order_id(signal, "main", 0)
    assert signal == "69f78988572c15abbcabdb5461b53ebb"
    assert order == "b86d31e61871c103601b2a2f5ae215af"
    assert ids.client_order_id(order) == "20536c84113e299f5d39fd1a8f"


def test_a_client_order_id_fits_every_venue() -> None:
    assert all(
        len(client_id) == 26 and client_id.isalnum() and client_id == client_id.lower()
        for client_id in (ids.client_order_id(ids.order_id(str(n), "main", 0)) for n in range(100))
    )
