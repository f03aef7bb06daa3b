"""Lots in pages are the lots of one list: the same totals in the same order, however a position is cut."""

from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.ledger import positions
from fanfold.ledger.positions import FLAT, Lot, Position, apply, cleared, fold, paged, unread
from fanfold.messages import Fill
from fanfold.money import EXACT
from support.paper_examples import fill

SMALL = 3
FILLS = st.lists(
    st.lists(
        st.builds(
            fill,
            side=st.sampled_from(["buy", "buy", "sell"]),
            quantity=st.sampled_from(["1", "2", "7", "40"]),
            price=st.integers(1, 30).map(str),
        ),
        max_size=8,
    ),
    max_size=20,
)


class Kept:
    """A position as a store keeps it, with its pages, of which only those are read that fills may take."""

    def __init__(self) -> None:
        self.position = FLAT
        self.pages: dict[int, tuple[Lot, ...]] = {}

    def book(self, fills: list[Fill], room: int) -> None:
        position = self.position
        while unread(position, fills):
            position = self._read(position)
        for booked in fills:
            position = apply(position, booked)
        position, new = paged(position, room)
        position, gone = cleared(position, room - len(new))
        self.pages |= new
        for number in gone:
            del self.pages[number]
        self.position = msgspec.structs.replace(position, pages=msgspec.structs.replace(position.pages, read=()))

    def _read(self, position: Position) -> Position:
        read = (*position.pages.read, self.pages[position.pages.unread[0]])
        return msgspec.structs.replace(position, pages=msgspec.structs.replace(position.pages, read=read))

    def lots(self) -> list[Lot]:
        behind = [lot for number in self.position.pages.unread for lot in self.pages[number]]
        return [*self.position.lots, *behind, *self.position.pages.newest]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "PAGE_LOTS", SMALL)


@given(batches=FILLS, room=st.integers(0, 4))
def test_a_position_in_pages_is_the_fold_of_its_fills(batches: list[list[Fill]], room: int) -> None:
    kept = Kept()
    for batch in batches:
        kept.book(batch, room)
    whole = fold([fill for batch in batches for fill in batch])
    with localcontext(EXACT):
        assert kept.lots() == list(whole.lots)
        for name in ("quantity", "cost", "realised", "fees", "version"):
            assert getattr(kept.position, name) == getattr(whole, name)


def test_pages_are_read_only_where_fills_take_them() -> None:
    kept = Kept()
    kept.book([fill("buy", "1", str(price)) for price in range(1, 31)], 99)
    assert (len(kept.position.lots), len(kept.position.pages.unread), len(kept.position.pages.newest)) == (3, 8, 3)
    assert not unread(kept.position, [fill("buy", "1000", "5"), fill("sell", "3", "5")])
    assert unread(kept.position, [fill("sell", "2", "5"), fill("sell", "1.5", "6")])
    kept.book([fill("sell", "3.5", "5")], 99)
    assert kept.position.lots == tuple(Lot(Decimal(quantity), Decimal(price))
                                       for quantity, price in (("0.5", "4"), ("1", "5"), ("1", "6")))  # fmt: skip
    assert sorted(kept.pages) == list(range(1, 8))


def test_fills_beyond_a_write_s_limit_wait_and_none_is_lost() -> None:
    kept = Kept()
    kept.book([fill("buy", "1", str(price)) for price in range(1, 31)], 0)
    assert (len(kept.pages), len(kept.position.pages.newest)) == (0, 27)
    kept.book([fill("buy", "1", "31")], 5)
    assert (len(kept.pages), len(kept.position.pages.newest)) == (5, 13)
    kept.book([fill("sell", "29", "50")], 2)
    assert (kept.lots(), len(kept.pages)) == (list(fold(
        [fill("buy", "1", str(price)) for price in range(30, 32)]).lots), 3)  # fmt: skip
    kept.book([fill("sell", "2", "50")], 9)
    assert (kept.lots(), kept.pages) == ([], {})
