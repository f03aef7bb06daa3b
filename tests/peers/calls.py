"""The calls of a client's script: which came through, and what became of the others."""

import json
import sys
import traceback
from decimal import Decimal
from types import SimpleNamespace


def settings():
    """Return the exchange's address and keys, which a script is started with."""
    known = SimpleNamespace(**json.loads(sys.argv[1]))
    known.socket = known.origin.replace("http", "ws")
    return known


def prices(last):
    """Return a function for a price that is a share of the last, on the ticks of the market."""
    return lambda share: f"{Decimal(last) * Decimal(share):.2f}"


class Calls:
    """The names of calls that came through, and a line for each that did not."""

    def __init__(self):
        self.done = []
        self.failed = []

    def make(self, name, act, *arguments, **params):
        """Make a call, and return its answer; None where it failed."""
        try:
            answer = act(*arguments, **params)
        except Exception:  # noqa: BLE001 - a client's own errors have no common base
            self.fail(name)
            return None
        self.done.append(name)
        return answer

    async def wait(self, name, awaited):
        """Await a call, and return its answer; None where it failed."""
        try:
            answer = await awaited
        except Exception:  # noqa: BLE001 - a client's own errors have no common base
            self.fail(name)
            return None
        self.done.append(name)
        return answer

    def fail(self, name):
        """Keep the error that is being handled."""
        self.failed.append(f"{name}: {traceback.format_exc(limit=-1).strip()}")

    def check(self, name, *, holds):
        """Count a fact as a call."""
        (self.done if holds else self.failed).append(name)

    def report(self):
        """Print what came of it, for run.py, and end."""
        sys.stdout.write(json.dumps({"done": self.done, "failed": self.failed}) + "\n")
        sys.stdout.flush()
        sys.exit(1 if self.failed else 0)
