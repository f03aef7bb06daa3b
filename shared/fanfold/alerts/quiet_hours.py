"""Hours in which a channel is not disturbed."""

import re
from typing import NamedTuple, Self

from fanfold.errors import BadInput

DAY_S = 86_400
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """A part of every UTC day, in seconds since midnight; one that ends before it begins goes over midnight.

    >>> night = QuietHours.of("22:00-06:00")
    >>> night.hold(23 * 3600), night.hold(5 * 3600), night.hold(6 * 3600), QuietHours.of("").hold(0)
    (True, True, False, False)
    """

    begins_s: int
    ends_s: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the hours of a text such as `22:00-06:00`; "" is none. Raises BadInput."""
        if not text:
            return cls(0, 0)
        matched = _HOURS.fullmatch(text)
        begins_h, begins_m, ends_h, ends_m = map(int, matched.groups()) if matched else (0, 0, 0, 0)
        begins_s, ends_s = begins_h * 3600 + begins_m * 60, ends_h * 3600 + ends_m * 60
        if begins_s == ends_s:
            raise BadInput(f'`quiet` is "{text}"; write two times of UTC that differ, such as "22:00-06:00"')
        return cls(begins_s, ends_s)

    def hold(self, now_s: int) -> bool:
        """Return whether a time, in seconds of the epoch, lies in the hours."""
        second = now_s % DAY_S
        if self.begins_s <= self.ends_s:
            return self.begins_s <= second < self.ends_s
        return second >= self.begins_s or second < self.ends_s
