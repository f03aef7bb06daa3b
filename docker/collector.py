"""Market-data as one long-running process: a poll at once and after every minute's close, until SIGTERM."""

import signal
import threading
import time

from market_data_service import handler

MINUTE_S = 60
AFTER_CLOSE_S = 1.0


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    handler.poll({}, None)
    while not stop.wait(MINUTE_S - time.time() % MINUTE_S + AFTER_CLOSE_S):
        handler.poll({}, None)


if __name__ == "__main__":
    main()
