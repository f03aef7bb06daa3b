"""Run a simulated exchange: Binance's spot API on loopback, until Ctrl-C.

Any bot that ccxt connects to Binance trades on it, with play money. It trades recorded bars, trades or order books, or
the seeded market, from now on; --faults spoils answers as real exchanges do.

Example: fanfold exchange
Example: fanfold exchange --data BTCUSDT-aggTrades-2026-03-01.zip
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
    Parameter(
        metavar="FILE", consume_multiple=1, help="bars, trades or order books: FILE or FILE=BASE/QUOTE, one or more"
    ),
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
    recorded, instruments, notes = _recorded(data or [])
    try:
        with server.serve(recorded, instruments, faults=faults, seed=seed, port=port) as served:
            keys = {name: getattr(served, name) for name in served._fields if name != "origin"}
            document = {"url": served.origin, **keys, "faults": faults}
            lines = [f"{name:<16}{value}" for name, value in document.items()]
            text = "\n".join([*lines, *notes, "Ctrl-C ends it"])
            sys.stdout.write((encode(document) if options.json else text) + "\n")
            sys.stdout.flush()
            signal.pause()
    except OSError as wrong:
        raise BadInput(f"port {port} is not free ({wrong.strerror}); name another with --port") from wrong
    raise KeyboardInterrupt


def _recorded(names: list[str]) -> tuple[list[Any], dict[str, Any] | None, list[str]]:
    """Return what data files recorded, the rules of its instruments, and a line on each; no rules without a file.

    Trades and order books of one instrument go together.
    """
    from fanfold.importers import data_files, tapes  # noqa: PLC0415 - they load pyarrow

    bars: dict[str, data_files.DataFile] = {}
    recorded: dict[str, tapes.TapeFile] = {}
    notes = []
    for name in names:
        tape = tapes.read(name)
        if tape is None:
            file = data_files.read(name)
            symbol, kind = file.recording.instrument, "bars"
            repeated, bars[symbol] = symbol in bars, file
        else:
            symbol, kind, repeated = tape.tape.instrument, tape.kind, False
            recorded[symbol] = tapes.together(recorded[symbol], tape) if symbol in recorded else tape
        if repeated or (symbol in bars and symbol in recorded):
            raise BadInput(
                f"{symbol} is in several files: name one file of its bars, or files of its trades and order books"
            )
        notes.append(f"{symbol:<16}{kind} of {name}")
    rules = {symbol: file.instrument for symbol, file in bars.items()}
    rules |= {symbol: file.instrument for symbol, file in recorded.items()}
    return [*map(_newest, bars.values()), *(file.tape for file in recorded.values())], rules or None, notes


def _newest(file: Any) -> Any:
    """Return the newest bars of a file."""
    recording = file.recording
    return recording.series(recording.closes_at_s(max(recording.count - BARS_MAX, 0)) - 1, 2**40)
