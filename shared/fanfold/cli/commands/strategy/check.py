"""Check a strategy: what it reads, uses and gives, its warm-up and its speed.

The same checks run before a run, which refuses a strategy that fails.

Example: fanfold strategy check rsi_dip
Example: fanfold strategy check strategies/rsi_dip.py --data BTCUSDT-1h.csv --param window=21
"""

from collections.abc import Iterator, Sequence
from time import process_time
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli.argument_types import Strategies
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, pairs
from fanfold.local import run_plan
from fanfold.market.recording import Recording
from fanfold.strategy import checking, folder

EXITS = (Exit.FAILED,)

Name = Annotated[str, Parameter(metavar="NAME", help="a strategy's name, or its file")]
Data = Annotated[
    list[str] | None,
    Parameter(metavar="FILE", consume_multiple=1, help="bars to try it over, and to compare its warm-up with"),
]
Param = Annotated[list[str] | None, Parameter(metavar="K=V", help="a param of the strategy")]


def command(name: Name, /, *, strategies: Strategies = None, data: Data = None, param: Param = None) -> Answer:
    """Return what is wrong with a strategy, which is a failure, and what is doubtful."""
    known = folder.locate(name, strategies)
    params = run_plan.params(param or ())
    recordings = _recordings(data or [])
    checked = checking.check(known, params, checking.legs_tried(known), process_time, recordings)
    strategy = checked.strategy
    wrong, doubtful = [*checked.wrong, *_warm_up(strategy.lookback, recordings)], checked.doubtful
    document: dict[str, Any] = {
        "name": known,
        "params": strategy.params._asdict(),
        "lookback": strategy.lookback,
        "bars_per_second": round(checked.bars_per_second),
        "wrong": wrong,
        "doubtful": doubtful,
    }
    text = [
        f"{known} {'must not trade' if wrong else 'is sound'}: {pairs(document['params'])}".rstrip(": "),
        f"trades from bar {strategy.lookback + 1:,} on; the {strategy.lookback:,} before it warm it up",
        *([f"steps {checked.bars_per_second:,.0f} bars a second"] if checked.bars_per_second else []),
        *(f"WRONG {line}" for line in wrong),
        *(f"note: {line}" for line in doubtful),
    ]
    return Answer(document, text, Exit.FAILED if wrong else Exit.OK)


def _recordings(data: list[str]) -> list[Recording]:
    if not data:
        return []
    from fanfold.importers import joining  # noqa: PLC0415 - it loads pyarrow

    return [file.recording for file in joining.read_all(data)]


def _warm_up(lookback: int, recordings: Sequence[Recording]) -> Iterator[str]:
    for bars in recordings:
        if bars.count <= lookback:
            yield f"it needs {lookback + 1:,} bars, and the data of {bars.instrument} has {bars.count:,}"
