"""Verify Ed25519 signatures (RFC 8032, section 5.1.7).

Verifying takes no secret, so nothing here needs constant time. Points are in extended homogeneous coordinates.
"""

from hashlib import sha512
from typing import NamedTuple

KEY_BYTES, SIGNATURE_BYTES = 32, 64
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
# -121665/121666, and a square root of -1.
D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
ROOT_OF_MINUS_ONE = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0
# The base point, whose y is 4/5.
BASE_X = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A
BASE_Y = 0x6666666666666666666666666666666666666666666666666666666666666658
COFACTOR_DOUBLINGS = 3


class _Point(NamedTuple):
    x: int
    y: int
    z: int
    t: int

    def __neg__(self) -> "_Point":
        return _Point(-self.x % P, self.y, self.z, -self.t % P)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature of 64 bytes is a message's under a public key of 32.

    A key of small order, under which signatures of nobody would pass, verifies nothing.
    """
    public = _decoded(key) if len(key) == KEY_BYTES else None
    if public is None or len(signature) != SIGNATURE_BYTES or _is_of_small_order(public):
        return False
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    # A scalar above the order would be a second signature of the same message.
    if scalar >= ORDER:
        return False
    challenge = int.from_bytes(sha512(commitment + key + message).digest(), "little") % ORDER
    base = _Point(BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)
    return _encoded(_sum_of_products(scalar, base, challenge, -public)) == commitment


def _sum_of_products(m: int, first: _Point, n: int, second: _Point) -> _Point:
    """Return m times the first point and n times the second, by one pass over the bits of both."""
    total = neutral = _Point(0, 1, 1, 0)
    table = (neutral, first, second, _add(first, second))
    for bit in range(ORDER.bit_length() - 1, -1, -1):
        total = _add(total, total)
        chosen = (m >> bit & 1) | (n >> bit & 1) << 1
        if chosen:
            total = _add(total, table[chosen])
    return total


def _add(a: _Point, b: _Point) -> _Point:
    """Return the sum of two points, which may be the same."""
    low, high = (a.y - a.x) * (b.y - b.x) % P, (a.y + a.x) * (b.y + b.x) % P
    cross, twice = 2 * D * a.t * b.t % P, 2 * a.z * b.z % P
    e, f, g, h = high - low, twice - cross, twice + cross, high + low
    return _Point(e * f % P, g * h % P, f * g % P, e * h % P)


def _encoded(point: _Point) -> bytes:
    inverse = pow(point.z, -1, P)
    x, y = point.x * inverse % P, point.y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decoded(text: bytes) -> _Point | None:
    """Return the point of 32 bytes, None where they are no point's one encoding."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    x = _x_of(y, sign) if y < P else None
    return None if x is None else _Point(x, y, 1, x * y % P)


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return x if x & 1 == sign else P - x


def _is_of_small_order(point: _Point) -> bool:
    for _ in range(COFACTOR_DOUBLINGS):
        point = _add(point, point)
    return point.x == 0 and point.y == point.z
