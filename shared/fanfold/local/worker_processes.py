"""Processes that work side by side, of which none is left behind."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial


@contextmanager
def worker_processes(count: int, begin: Callable[[], None], method: str | None = None) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes that each begin by ``begin``, started by a ``method`` of multiprocessing or as usual.

    What ends the block early, such as Ctrl-C, ends them at once. Submit what they are to do: ``map`` cancels what waits
    by itself, and the pool's thread fails at that once a process was ended.
    """
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, multiprocessing.get_context(method), partial(_begin, begin))
    ended = False
    try:
        yield pool
        ended = True
    finally:
        for child in set() if ended else set(multiprocessing.active_children()) - before:
            child.terminate()
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[[], None]) -> None:
    # Ctrl-C is for the process that started this one: here it would end one task, and the next would begin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin()
