"""Verify Ed25519 signatures (RFC 8032, section 5.1.7).

Verifying takes no secret, so nothing here needs constant time. Points are in extended homogeneous coordinates.
"""

from hashlib import sha512
from typing import NamedTuple

KEY_BYTES, SIGNATURE_BYTES = 32, 64
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_COFACTOR_DOUBLINGS = 3


class _Point(NamedTuple):
    x: int
    y: int
    z: int
    t: int

    def __neg__(self) -> "_Point":
        return _Point(-self.x % _P, self.y, self.z, -self.t % _P)


_NEUTRAL = _Point(0, 1, 1, 0)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature of 64 bytes is a message's under a public key of 32.

    A key of small order, under which signatures of nobody would pass, verifies nothing.
    """
    public = _decoded(key) if len(key) == KEY_BYTES else None
    if public is None or len(signature) != SIGNATURE_BYTES or _is_of_small_order(public):
        return False
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    # A scalar above the order would be a second signature of the same message.
    if scalar >= _ORDER:
        return False
    challenge = int.from_bytes(sha512(commitment + key + message).digest(), "little") % _ORDER
    return _encoded(_sum_of_products(scalar, _BASE, challenge, -public)) == commitment


def _sum_of_products(m: int, first: _Point, n: int, second: _Point) -> _Point:
    """Return m times the first point and n times the second, by one pass over the bits of both."""
    table = (_NEUTRAL, first, second, _add(first, second))
    total = _NEUTRAL
    for bit in range(_ORDER.bit_length() - 1, -1, -1):
        total = _add(total, total)
        chosen = (m >> bit & 1) | (n >> bit & 1) << 1
        if chosen:
            total = _add(total, table[chosen])
    return total


def _add(a: _Point, b: _Point) -> _Point:
    """Return the sum of two points, which may be the same."""
    low, high = (a.y - a.x) * (b.y - b.x) % _P, (a.y + a.x) * (b.y + b.x) % _P
    cross, twice = 2 * _D * a.t * b.t % _P, 2 * a.z * b.z % _P
    e, f, g, h = high - low, twice - cross, twice + cross, high + low
    return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _encoded(point: _Point) -> bytes:
    inverse = pow(point.z, -1, _P)
    x, y = point.x * inverse % _P, point.y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decoded(text: bytes) -> _Point | None:
    """Return the point of 32 bytes, None where they are no point's one encoding."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    x = _x_of(y, sign) if y < _P else None
    return None if x is None else _Point(x, y, 1, x * y % _P)


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    return x if x & 1 == sign else _P - x


def _is_of_small_order(point: _Point) -> bool:
    for _ in range(_COFACTOR_DOUBLINGS):
        point = _add(point, point)
    return point.x == 0 and point.y == point.z


def _base() -> _Point:
    """Return the base point, whose y is 4/5."""
    point = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    if point is None:
        raise ArithmeticError("the curve has no base point")
    return point


_BASE = _base()
