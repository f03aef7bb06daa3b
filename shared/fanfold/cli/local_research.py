"""The library of runs as the page of `fanfold serve` shows it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fanfold.api.problems import bad_request
from fanfold.api.router import serve, with_clock
from fanfold.api.system_schemas import Research, ResearchQuery, ResearchRun
from fanfold.errors import BadInput, NothingThere

SHEETS = "/research/sheets/"
# More rows than these nobody compares by eye; a filter or a rank brings others to the top.
ROWS_MAX = 200


class LibraryReader:
    """The library of a folder, read anew for each request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        response = serve(event, {"research": lambda _request, query: self._research(query)})
        return with_clock(response, datetime.now(UTC))

    def sheet(self, path: str) -> str | None:
        """Return the tear sheet of a run by its path, None where there is none."""
        if not path.startswith(SHEETS):
            return None
        from fanfold.research.library import RunLibrary  # noqa: PLC0415 - it loads DuckDB

        sheet = RunLibrary(self._folder).sheets().get(path.removeprefix(SHEETS))
        return sheet.read_text(encoding="utf-8") if sheet else None

    def _research(self, query: ResearchQuery) -> Research:
        from fanfold.research.library import COSTS, RunLibrary, RunsWanted  # noqa: PLC0415 - as above
        from fanfold.research.sweeping.trial_rows import FIGURES  # noqa: PLC0415 - as above

        library, place = RunLibrary(self._folder), str(self._folder.resolve())
        figures, costs = list(FIGURES), sorted(COSTS)
        try:
            rows = library.runs(RunsWanted(query.strategy, query.tag, query.kind, query.rank, ROWS_MAX)).to_pylist()
        except NothingThere as nothing:
            return Research(place=place, runs=[], why=str(nothing), figures=figures, costs=costs)
        except BadInput as wrong:
            raise bad_request(str(wrong)) from wrong
        sheets = library.sheets()
        return Research(place=place, runs=[_run(row, figures, sheets) for row in rows], figures=figures, costs=costs)


def _run(row: Mapping[str, Any], figures: list[str], sheets: Mapping[str, Path]) -> ResearchRun:
    return ResearchRun(
        run=row["run"],
        kind=row["kind"],
        trial=row["trial"] or 0,
        made_at=row["made_at"],
        strategy=row["strategy"] or "",
        params=row["params"] or "",
        instruments=row["instruments"] or "",
        timeframe=row["timeframe"] or "",
        since=row["since"],
        until=row["until"],
        figures={name: row[name] for name in figures},
        tags=row["tags"] or [],
        summary=row["summary"] or "",
        error=row["error"] or "",
        sheet=f"{SHEETS}{row['run']}" if row["run"] in sheets else "",
    )
