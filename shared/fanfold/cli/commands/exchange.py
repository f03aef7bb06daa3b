"""Run an exchange in the box: Binance's spot API on loopback, until Ctrl-C.

Any bot that ccxt connects to Binance trades on it, with play money. It trades recorded bars, or the seeded market, from
now on; --faults spoils answers as real exchanges do.

Example: fanfold exchange
Example: fanfold exchange --data BTCUSDT-1m-2026-03.zip --faults storm --seed 7
"""

import signal
import sys
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared, read_by, read_port, read_whole
from fanfold.cli.output import encode
from fanfold.errors import BadInput

EXITS = ()
PORT = 8090
# The newest bars of a file: 69 days of minutes.
BARS_MAX = 100_000

Data = Annotated[
    list[str] | None,
    Parameter(metavar="FILE", consume_multiple=1, help="bars to trade: FILE or FILE=BASE/QUOTE, one or more"),
]
Port = Annotated[
    int, Parameter(metavar="N", converter=read_by(read_port), help=f"where to listen on 127.0.0.1 ({PORT}; 0: any)")
]
Faults = Annotated[str, Parameter(metavar="PLAN", help="none, storm, or the name of one fault (docs/exchange.md)")]
Seed = Annotated[
    int, Parameter(metavar="N", converter=read_by(read_whole), help="of the market, the faults and the key (7)")
]


def command(
    *, options: Shared, data: Data = None, port: Port = PORT, faults: Faults = "none", seed: Seed = 7
) -> NoReturn:
    """Print the URL, the key and the secret, and answer requests until Ctrl-C."""
    from fanfold.exchange import server  # noqa: PLC0415 - it loads aiohttp

    # However it ends, it stops its server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    series, instruments = _bars(data or [])
    try:
        with server.serve(series, instruments, faults=faults, seed=seed, port=port) as served:
            keys = {name: getattr(served, name) for name in served._fields if name != "origin"}
            document = {"url": served.origin, **keys, "faults": faults}
            text = "\n".join(f"{name:<16}{value}" for name, value in document.items()) + "\nCtrl-C ends it"
            sys.stdout.write((encode(document) if options.json else text) + "\n")
            sys.stdout.flush()
            signal.pause()
    except OSError as wrong:
        raise BadInput(f"port {port} is not free ({wrong.strerror}); name another with --port") from wrong
    raise KeyboardInterrupt


def _bars(names: list[str]) -> tuple[list[Any], dict[str, Any] | None]:
    """Return the series of data files and their rules; nothing and None without a file."""
    from fanfold.importers import data_files  # noqa: PLC0415 - it loads pyarrow

    files = [data_files.read(name) for name in names]
    newest = [
        it.recording.series(it.recording.closes_at_s(max(it.recording.count - BARS_MAX, 0)) - 1, 2**40) for it in files
    ]
    return newest, {it.recording.instrument: it.instrument for it in files} or None
