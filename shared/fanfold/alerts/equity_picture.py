"""A picture of equity as a PNG, drawn here: a library that draws would be most of an image and of a cold start."""

import struct
import zlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

WIDTH, HEIGHT, MARGIN = 640, 240, 8
PAPER, GRID, LINES = 0, 1, 2
# White paper, a grey line at the start, and a colour for each account.
PALETTE = ((255, 255, 255), (200, 200, 200), (31, 119, 180), (214, 120, 14), (44, 140, 60), (148, 80, 170))
ACCOUNTS_MAX = len(PALETTE) - LINES
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED = 3


def equity_picture(lines: Sequence[Sequence[Decimal]]) -> bytes:
    """Return a PNG of the equity of up to four accounts, each as its change from the first value, b"" for none.

    The grey line is no change; all share one scale.
    """
    drawn = [_changes(line) for line in lines[:ACCOUNTS_MAX] if len(line) > 1 and line[0] > 0]
    if not drawn:
        return b""
    canvas = [bytearray(WIDTH) for _ in range(HEIGHT)]
    low = min(Decimal(0), *(min(line) for line in drawn))
    high = max(Decimal(0), *(max(line) for line in drawn))
    _draw(canvas, [Decimal(0), Decimal(0)], low, high, GRID)
    for number, line in enumerate(drawn):
        _draw(canvas, line, low, high, LINES + number)
    return _png(canvas)


def _changes(line: Sequence[Decimal]) -> list[Decimal]:
    return [value / line[0] - 1 for value in line]


def _draw(canvas: list[bytearray], line: Sequence[Decimal], low: Decimal, high: Decimal, colour: int) -> None:
    span, steps = (high - low) or Decimal(1), len(line) - 1
    across, down = WIDTH - 2 * MARGIN - 1, HEIGHT - 2 * MARGIN - 2
    points = [
        (MARGIN + number * across // steps, MARGIN + int((high - value) * down / span))
        for number, value in enumerate(line)
    ]
    for (left, top), (right, bottom) in pairwise(points):
        _segment(canvas, (left, top), (right, bottom), colour)


def _segment(canvas: list[bytearray], begin: tuple[int, int], end: tuple[int, int], colour: int) -> None:
    """Colour the points between two, two high, so that a flat line is seen."""
    steps = max(abs(end[0] - begin[0]), abs(end[1] - begin[1]), 1)
    for step in range(steps + 1):
        x = begin[0] + (end[0] - begin[0]) * step // steps
        y = begin[1] + (end[1] - begin[1]) * step // steps
        canvas[y][x] = canvas[y + 1][x] = colour


def _png(canvas: Sequence[bytes | bytearray]) -> bytes:
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, _INDEXED, 0, 0, 0)
    palette = bytes(part for colour in PALETTE for part in colour)
    # Each row begins with its filter; 0 is none.
    rows = b"".join(b"\x00" + bytes(row) for row in canvas)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
