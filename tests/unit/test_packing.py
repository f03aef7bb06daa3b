"""A compressed value comes back from a store as it was, and is never longer than the plain one."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import packing


@given(st.binary(max_size=5_000), st.integers(1, 60))
def test_packed_bytes_are_read_back(body: bytes, times: int) -> None:
    assert packing.unpacked(packing.packed(body * times)) == body * times


@given(st.binary(max_size=2_000))
def test_nothing_becomes_longer_by_more_than_a_byte(body: bytes) -> None:
    assert len(packing.packed(body)) <= len(body) + 1


@pytest.mark.parametrize("size", [500, 5_000, 50_000, 300_000])
def test_a_body_is_about_as_short_as_with_the_largest_window(size: int) -> None:
    text = b"".join(b'{"instrument":"S%04d/USDT","weight":%d.0},' % (at, at % 7) for at in range(size // 40))
    assert len(packing.packed(text)) <= 1.1 * len(zlib.compress(text)) + 1


def test_a_damaged_body_is_seen() -> None:
    whole = packing.packed(b"abc" * packing.LITTLE)
    with pytest.raises(zlib.error):
        packing.unpacked(whole[:-3])
