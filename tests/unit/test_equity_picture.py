"""The picture of equity: a PNG as its specification says, small, with a line for each account."""

import struct
import zlib
from decimal import Decimal

from fanfold.alerts.equity_picture import GRID, HEIGHT, LINES, PALETTE, WIDTH, equity_picture


def chunks(png: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG. Raises AssertionError where a length or a checksum is wrong."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    read, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(name + body),)
        read[name], at = body, at + 12 + length
    assert at == len(png)
    return read


def rows(png: bytes) -> list[bytes]:
    raw = zlib.decompress(chunks(png)[b"IDAT"])
    lines = [raw[start : start + WIDTH + 1] for start in range(0, len(raw), WIDTH + 1)]
    assert [line[0] for line in lines] == [0] * HEIGHT
    return [line[1:] for line in lines]


def values(*texts: str) -> list[Decimal]:
    return list(map(Decimal, texts))


def test_a_picture_is_a_png_of_its_size_and_palette() -> None:
    parts = chunks(equity_picture([values("100", "101", "99")]))
    assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    assert len(parts[b"PLTE"]) == 3 * len(PALETTE)


def test_a_line_that_rises_goes_up_from_the_line_of_no_change() -> None:
    drawn = rows(equity_picture([values("100", "110")]))
    heights = {colour: [y for y, row in enumerate(drawn) if colour in row] for colour in (GRID, LINES)}
    assert min(heights[LINES]) < 20
    assert max(heights[GRID]) > HEIGHT - 20
    first, last = (next(y for y, row in enumerate(drawn) if row[x] == LINES) for x in (8, WIDTH - 9))
    assert first > last


def test_accounts_have_a_line_each_and_no_account_has_no_picture() -> None:
    two = rows(equity_picture([values("100", "110"), values("5", "4")]))
    assert {LINES, LINES + 1} <= set(b"".join(two))
    assert equity_picture([]) == equity_picture([values("1")]) == equity_picture([values("0", "1")]) == b""


def test_a_flat_line_and_forty_days_of_hours_are_small() -> None:
    assert equity_picture([values("100", "100")])
    month = [Decimal(1000) + Decimal(number * 37 % 101) for number in range(960)]
    assert len(equity_picture([month] * 4)) < 20_000
