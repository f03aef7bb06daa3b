"""Compress bodies for a store that bills by the KB, where that makes them shorter."""

from zlib import DEFLATED, compressobj, decompress

# The first byte says which.
PLAIN, COMPRESSED = b"\0", b"\1"
# Shorter ones gain less than a hundred bytes, for more time than all else takes that is done with them.
LITTLE = 400
LEVEL = 6


def packed(body: bytes) -> bytes:
    """Return the body, compressed if that is shorter.

    Window and memory are as large as the body asks for: to set up zlib's largest takes ten times as long as to compress
    a few hundred bytes.
    """
    if len(body) < LITTLE:
        return PLAIN + body
    bits = len(body).bit_length()
    window, memory = min(max(bits, 9), 15), min(max(bits - 6, 4), 8)
    squeezer = compressobj(LEVEL, DEFLATED, window, memory)
    squeezed = squeezer.compress(body) + squeezer.flush()
    return COMPRESSED + squeezed if len(squeezed) < len(body) else PLAIN + body


def plain(body: bytes) -> bytes:
    """The body as ``unpacked`` reads it, but not compressed."""
    return PLAIN + body


def unpacked(body: bytes) -> bytes:
    """Return the body as it was before packing. Raises zlib.error for a damaged one."""
    return decompress(body[1:]) if body[:1] == COMPRESSED else body[1:]
