"""A library of runs: a row a back-test, trial, walk forward or verdict, in Parquet, read by DuckDB.

Under ``runs`` lies a file a run; many small ones are joined, so that thousands of runs are read at once. Under
``tried`` lies a file a walk forward, with the configurations that it chose among. Under ``tags`` lies an empty file a
run and tag, under ``sheets`` a tear sheet a run. Nothing is ever changed in place, and a file is there whole, or not at
all, so that several processes use a library at once.
"""

import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2s
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from fanfold.errors import BadInput, NothingThere, near
from fanfold.research.sweeping.trial_rows import FIGURES, TIME, row_schema

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RunKind = Literal["back-test", "sweep", "walk-forward", "verdict"]
# So many files of single runs are joined to one, with the joined ones that are no larger than this.
LOOSE_MAX, JOINED_BYTES_MAX = 64, 2_000_000
# Figures of which less is better.
COSTS = frozenset({"drawdown", "drawdown_longest_s", "fees", "slippage", "turnover", "volatility"})
_JOINED = "joined-"
SHEET = ".html"
# A run that was being joined when the machine stopped lies in two files. To look takes less than to take each row once.
_TWICE = "SELECT count(*) > count(DISTINCT (run, trial)) FROM read_parquet($files)"
_ALL = "read_parquet($files)"
_TRIED = (
    "SELECT DISTINCT code, params, timeframe FROM read_parquet($files) WHERE strategy = $strategy AND error IS NULL "
    "AND epoch(since) <= $until AND epoch(until) >= $since "
    "AND list_has_any(string_split(instruments, ','), $instruments)"
)
_ONCE = f"(SELECT * FROM {_ALL} QUALIFY row_number() OVER (PARTITION BY run, trial) = 1)"  # noqa: S608 - no input
_TAGS = "LEFT JOIN (SELECT run, list(tag ORDER BY tag) AS tags FROM tagged GROUP BY run) USING (run) "


class RunStamp(NamedTuple):
    """A run's id, its kind, when it was made in epoch seconds, and what else there is to say of it in a line."""

    run: str
    kind: RunKind
    made_at: int | None = None
    summary: str = ""


class Tried(NamedTuple):
    """A configuration as it counts as a trial: edited code is another one."""

    code: str
    params: str
    timeframe: str


class RunsWanted(NamedTuple):
    """The runs that are asked for: of a strategy, with a tag, of a kind; empty for any.

    They are ranked by a figure, or the newest come first; ``rows_max`` is the most there may be, 0 for all.
    """

    strategy: str = ""
    tag: str = ""
    kind: str = ""
    rank: str = ""
    rows_max: int = 0


def library_schema() -> pa.Schema:
    """Return the columns of a row of the library: the stamp of its run, and those of a trial."""
    stamp = [("run", pa.string()), ("kind", pa.string()), ("made_at", TIME), ("summary", pa.string())]
    return pa.schema([*(pa.field(*column) for column in stamp), *row_schema()])


def check_figure(figure: str) -> None:
    """Raise BadInput for a figure that no trial has, with those that there are."""
    if figure not in FIGURES:
        raise BadInput(f"figure {figure!r} is unknown{near(figure, FIGURES)}; there are {', '.join(FIGURES)}")


def check_tag(tag: str) -> None:
    """Raise BadInput for what is no tag."""
    if not tag or not all(letter.isalnum() or letter in "-_." for letter in tag) or tag.startswith("."):
        raise BadInput(f"{tag!r} is no tag: use letters, digits, -, _ and .")


class RunLibrary:
    """The library in a folder, which is made with the first run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs, self._tags, self._sheets = folder / "runs", folder / "tags", folder / "sheets"
        self._tried = folder / "tried"

    def keep(self, stamp: RunStamp, rows: pa.Table, tags: Sequence[str] = ()) -> None:
        """Keep the rows of a run, in the place of those that it had."""
        filled = {name: pa.array([value] * rows.num_rows, library_schema().field(name).type)
                  for name, value in stamp._asdict().items()}  # fmt: skip
        there = {name: rows[name] for name in rows.column_names if name in row_schema().names}
        missing = {field.name: pa.nulls(rows.num_rows, field.type) for field in row_schema() if field.name not in there}
        columns = filled | there | missing
        table = pa.table({name: columns[name] for name in library_schema().names})
        write_table(self._runs / f"{stamp.run}.parquet", table)
        for tag in tags:
            self.tag(stamp.run, tag)
        self._join()

    def keep_sheet(self, run: str, page: str) -> None:
        """Keep the tear sheet of a run."""
        self._sheets.mkdir(parents=True, exist_ok=True)
        unfinished = self._sheets / f"{run}.{os.getpid()}.unfinished"
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(self._sheets / f"{run}{SHEET}")

    def keep_tried(self, run: str, rows: pa.Table) -> None:
        """Keep the configurations that a walk forward chose among, of the rows of its training, each once."""
        keys = ["strategy", "params", "instruments", "timeframe", "code"]
        whole = rows.filter(rows["error"].is_null()).group_by(keys).aggregate([("since", "min"), ("until", "max")])
        named = whole.rename_columns({"since_min": "since", "until_max": "until"})
        error = pa.nulls(named.num_rows, pa.string())
        write_table(self._tried / f"{run}.parquet", named.append_column("error", error))

    def sheets(self) -> dict[str, Path]:
        """Return the tear sheets that were kept, by run."""
        return {path.name.removesuffix(SHEET): path for path in sorted(self._sheets.glob(f"*{SHEET}"))}

    def tag(self, run: str, tag: str) -> None:
        """Give a run a tag."""
        check_tag(tag)
        self.rows_of(run)
        (self._tags / run).mkdir(parents=True, exist_ok=True)
        (self._tags / run / tag).touch()

    def untag(self, run: str, tag: str) -> None:
        """Take a tag from a run."""
        if not (self._tags / run / tag).exists():
            raise BadInput(f"{run} has no tag {tag!r}")
        (self._tags / run / tag).unlink()

    def rows_of(self, run: str) -> pa.Table:
        """Return the rows of a run. Raises NothingThere for one that is not in the library."""
        rows = self._query("WHERE run = $run ORDER BY trial", {"run": run})
        if not rows.num_rows:
            known = sorted({*self._query("", {})["run"].to_pylist()})
            raise NothingThere(
                f"{self.folder} has no run {run!r}{near(run, known)}; `fanfold research runs` lists them"
            )
        return rows

    def best_of(self, run: str, rank: str = "") -> dict[str, Any]:
        """Return a run's best trial by a figure, else its first."""
        rows = self.rows_of(run)
        if rank:
            check_figure(rank)
            rows = rows.filter(rows[rank].is_valid()).sort_by([(rank, "ascending" if rank in COSTS else "descending")])
            if not rows.num_rows:
                raise BadInput(f"no trial of {run} has a {rank}")
        best: dict[str, Any] = rows.slice(0, 1).to_pylist()[0]
        return best

    def tags_of(self, run: str) -> list[str]:
        """Return the tags of a run."""
        return sorted(path.name for path in (self._tags / run).glob("*"))

    def runs(self, wanted: RunsWanted) -> pa.Table:
        """Return the rows that are asked for, with a column ``tags``."""
        if wanted.rank:
            check_figure(wanted.rank)
        conditions = [f"{name} = ${name}" for name in ("strategy", "kind") if getattr(wanted, name)]
        conditions += ["list_contains(tags, $tag)"] if wanted.tag else []
        conditions += [f"{wanted.rank} IS NOT NULL"] if wanted.rank else []
        way = "ASC" if wanted.rank in COSTS else "DESC"
        order = f"{wanted.rank} {way}" if wanted.rank else "made_at DESC NULLS LAST"
        clause = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        limit = f" LIMIT {wanted.rows_max}" if wanted.rows_max else ""
        values = {name: getattr(wanted, name) for name in ("strategy", "kind", "tag") if getattr(wanted, name)}
        return self._query(f"{clause}ORDER BY {order}, run, trial{limit}", values)

    def tried(self, strategy: str, instruments: Sequence[str], since: int, until: int) -> set[Tried]:
        """Return the configurations of a strategy that were traded on any of these instruments in any of this time.

        Times are closes in epoch seconds. What was traded twice is one configuration.
        """
        values = {"strategy": strategy, "since": since, "until": until, "instruments": list(instruments)}
        runs = self._ask(self._runs, values, lambda _files: f"{_TRIED} AND kind <> 'verdict'")
        trained = self._ask(self._tried, values, lambda _files: _TRIED)
        return {Tried(**row) for rows in (runs, trained) if rows is not None for row in rows.to_pylist()}

    def _query(self, clause: str, values: Mapping[str, Any]) -> pa.Table:
        self._database.register("tagged", self._tag_table())

        def text(files: Sequence[str]) -> str:
            ((twice,),) = self._database.sql(_TWICE, params={"files": files}).fetchall()
            return f"FROM {_ONCE if twice else _ALL} {_TAGS}{clause}"

        rows = self._ask(self._runs, values, text)
        if rows is None:
            raise NothingThere(f"{self.folder} has no runs yet; `fanfold backtest` and `fanfold sweep` keep them there")
        return rows

    def _ask(self, folder: Path, values: Mapping[str, Any], text: Callable[[Sequence[str]], str]) -> pa.Table | None:
        """Ask the files of a folder, or return None where there are none; anew where another process joined some."""
        from duckdb import Error  # noqa: PLC0415 - as below

        while files := sorted(map(str, folder.glob("*.parquet"))):
            try:
                return self._database.sql(text(files), params={"files": files, **values}).to_arrow_table()
            except Error:
                if all(map(os.path.exists, files)):
                    _refuse_foreign(files)
                    raise
        return None

    @cached_property
    def _database(self) -> "DuckDBPyConnection":
        """A database in memory, made with the first question: to make it takes as long as to answer one."""
        # A back-test only adds to the library, and does not wait for a database to load.
        import duckdb  # noqa: PLC0415

        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        return database

    def _tag_table(self) -> pa.Table:
        tags = [(path.parent.name, path.name) for path in sorted(self._tags.glob("*/*"))]
        columns = [pa.array([tag[place] for tag in tags], pa.string()) for place in range(2)]
        return pa.table(dict(zip(("run", "tag"), columns, strict=True)))

    def _join(self) -> None:
        """Join the files of single runs where there are many of them, unless another process does."""
        with (self.folder / ".joining").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            files = [path for path in sorted(self._runs.glob("*.parquet")) if path.stat().st_size <= JOINED_BYTES_MAX]
            if sum(not path.name.startswith(_JOINED) for path in files) < LOOSE_MAX:
                return
            # A file that cannot be read stays: the next query names it.
            files = [path for path in files if _is_whole(path)]
            rows = pa.concat_tables([pq.read_table(path, schema=library_schema()) for path in files])
            name = blake2s(" ".join(path.name for path in files).encode(), digest_size=8).hexdigest()
            write_table(self._runs / f"{_JOINED}{name}.parquet", rows)
            for path in files:
                path.unlink(missing_ok=True)


def _refuse_foreign(files: Sequence[str]) -> None:
    """Raise BadInput for the first file that is damaged, or of something else."""
    for file in files:
        if not _is_whole(Path(file)):
            raise BadInput(f"{file} is damaged, or no file of a library of runs: move it out of the library")


def _is_whole(path: Path) -> bool:
    """Return whether a file can be read, and has rows of strategies."""
    try:
        return "strategy" in pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        return False


def write_table(path: Path, rows: pa.Table) -> None:
    """Write rows to a file of a folder, which is made; the file is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process may be writing the same rows.
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    pq.write_table(rows, unfinished)
    unfinished.replace(path)
