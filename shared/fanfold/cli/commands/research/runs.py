"""List, rank and compare kept runs: back-tests, trials of sweeps and verdicts.

The newest come first, or the best by a figure; docs/research.md names the figures.

Example: fanfold research runs
Example: fanfold research runs --strategy sma_cross --rank sharpe
Example: fanfold research runs --tag candidate --json
Example: fanfold research runs --compare sweep-588c63919d5c1cc3 back-test-0d2f4a6b8c0e1f35
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli.argument_types import Count
from fanfold.cli.output import Answer, Grid, cell, grid
from fanfold.cli.research_library import LibraryFolder, library_in
from fanfold.cli.trial_text import COLUMNS, figure_text

SHOWN = 20

Rank = Annotated[str, Parameter(metavar="FIGURE", help="the best by this figure first, such as sharpe")]
Tag = Annotated[str, Parameter(metavar="TAG", help="only of this tag")]
Strategy = Annotated[str, Parameter(metavar="NAME", help="only of this strategy")]
Kind = Annotated[str, Parameter(metavar="KIND", help="only back-test, sweep, walk-forward or verdict")]
Rows = Annotated[Count, Parameter(help=f"at most so many rows ({SHOWN})")]
Compare = Annotated[tuple[str, str] | None, Parameter(metavar="RUN RUN", help="put two runs side by side")]


def command(
    *,
    rank: Rank = "",
    tag: Tag = "",
    strategy: Strategy = "",
    kind: Kind = "",
    count: Rows = SHOWN,
    compare: Compare = None,
    library: LibraryFolder = None,
) -> Answer:
    """Return rows of the library, or the figures of two runs."""
    from fanfold.research.library import RunsWanted  # noqa: PLC0415 - it loads DuckDB

    kept = library_in(library)
    if compare is not None:
        return _compared([kept.best_of(run, rank) for run in compare])
    rows = kept.runs(RunsWanted(strategy, tag, kind, rank, count)).to_pylist()
    return Answer({"runs": rows}, [_listed(rows, rank)])


def _listed(rows: Sequence[Mapping[str, Any]], rank: str) -> Grid:
    figures = list(dict.fromkeys([*([rank] if rank else []), *COLUMNS]))
    shown = [
        {**row, "first": row["since"].date(), **{name: figure_text(name, row[name]) for name in figures}}
        for row in rows
    ]
    headings = {name: name for name in ("run", "trial", "strategy", "params", "instruments", "first")}
    headings |= {name: name.replace("_", " ") for name in figures} | {"tags": "tags", "summary": ""}
    return grid(f"{len(rows)} runs", shown, headings)


def _compared(rows: Sequence[dict[str, Any]]) -> Answer:
    """Return all in which two rows differ."""
    first, second = rows
    differing = [name for name in first if first[name] != second[name]]
    cells = [(name.replace("_", " "), *(_cell(name, row[name]) for row in rows)) for name in differing]
    table = Grid("where they differ", ("", first["run"], second["run"]), cells, frozenset({1, 2}))
    return Answer({"runs": rows, "differing": differing}, [table])


def _cell(name: str, value: Any) -> str:
    return figure_text(name, value) if isinstance(value, float) else cell(value)
