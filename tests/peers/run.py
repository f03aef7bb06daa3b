"""Let clients that others wrote trade at the simulated exchange, each installed in an environment of its own.

`make peers`, or `make peers PEERS=freqtrade PYTHON=/path/to/python3.12`: a Python that the clients support.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from peers.environments import ENVIRONMENTS, Peer, environment

from fanfold.exchange import server

HERE = Path(__file__).resolve().parent
TRADE_S = 300
PEERS = (
    Peer("python-binance", "1.0.37", "python_binance_client.py"),
    Peer("binance-sdk-spot", "13.3.0", "binance_sdk_client.py"),
    Peer("binance-connector", "3.13.0", "binance_connector_client.py"),
    Peer("nautilus_trader", "1.231.0", "nautilus_client.py"),
    Peer("freqtrade", "2026.9", "freqtrade_client.py"),
)


def trade(peer):
    """Let a client trade at an exchange of its own; return what came through, and what failed."""
    python, folder = environment(peer), ENVIRONMENTS / "run" / peer.package
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with server.serve() as served, (folder / "errors.log").open("w") as errors:
        known = {**served._asdict(), "folder": str(folder)}
        command = [python, HERE / peer.script, json.dumps(known)]
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=TRADE_S, check=False, cwd=folder
            )
            return json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError):
            return {"done": [], "failed": [f"no report within {TRADE_S} s, see {folder / 'errors.log'}"]}


def main(names):
    failures, known = 0, [peer.package for peer in PEERS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"there is no client {', '.join(unknown)}; there are {', '.join(known)}")
    for peer in PEERS:
        if names and peer.package not in names:
            continue
        started = time.monotonic()
        report = trade(peer)
        done, failed = report["done"], report["failed"]
        seconds = time.monotonic() - started
        print(f"{peer.package:<18}{peer.version:<10}{len(done):>4} came through, {len(failed)} failed, {seconds:.0f} s")
        print(*(f"    {line}" for line in failed), sep="\n", end="\n" if failed else "")
        failures += len(failed)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
