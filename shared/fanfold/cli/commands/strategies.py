"""List the strategies there are, with their params and defaults.

Example: fanfold strategies
Example: fanfold strategies --strategies my_strategies
"""

from typing import Any

from fanfold.cli.argument_types import Strategies
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid, pairs
from fanfold.errors import BadInput
from fanfold.strategy import contract, folder

EXITS = (Exit.FAILED,)


def command(*, strategies: Strategies = None) -> Answer:
    """Return every strategy with its params' defaults; a failure where one is broken, which hides no other."""
    folder.use(folder.chosen(strategies))
    rows, broken = list[dict[str, Any]](), dict[str, str]()
    for name in contract.names():
        try:
            rows.append(_strategy(name))
        except BadInput as wrong:
            broken[name] = str(wrong)
    shown = [row | {"params": pairs(row["params"]), "instruments": row["instruments"] or "any"} for row in rows]
    columns = {name: name for name in ("name", "params", "lookback", "instruments", "about")}
    text = [f"BROKEN {reason}" for reason in broken.values()]
    return Answer(
        {"strategies": rows, "broken": broken}, [grid("", shown, columns), *text], Exit.FAILED if broken else Exit.OK
    )


def _strategy(name: str) -> dict[str, Any]:
    instruments = contract.instruments_of(name)
    bound = contract.bind(name, {}, instruments or 1)
    return {
        "name": name,
        "about": contract.about(name),
        "params": bound.params._asdict(),
        "lookback": bound.lookback,
        "instruments": instruments,
        "cross_sectional": bound.cross_sectional,
    }
