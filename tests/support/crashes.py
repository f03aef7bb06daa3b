"""A process that dies before or after its nth effect."""

from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The process is gone."""


class Fuse:
    """Burns down by an effect; the one at ``nth`` dies before it takes place, or right after."""

    def __init__(self, nth: int, *, after: bool) -> None:
        self.left = nth
        self._after = after

    @property
    def blown(self) -> bool:
        return self.left <= 0

    def effect(self, take_place: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Crash
        answer = take_place()
        if self.left == 0:
            raise Crash
        return answer


class Mortal:
    """A port whose calls are effects of a fuse."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):  # A figure is no effect.
            return method
        return lambda *args, **kwargs: self._fuse.effect(lambda: method(*args, **kwargs))


def until_it_lives(attempt: Callable[[Fuse], None], nth: int, *, after: bool) -> bool:
    """Do something that dies at its nth effect, and then again by a process that lives; whether the first one died."""
    fuse = Fuse(nth, after=after)
    try:
        attempt(fuse)
    except Crash:
        attempt(Fuse(1_000_000, after=False))
    return fuse.blown
