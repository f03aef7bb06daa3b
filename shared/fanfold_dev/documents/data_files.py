"""The table of kinds of data files in docs/data-kinds.md, written from what the readers make of an example of each."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from fanfold.errors import BadInput
from fanfold.importers import columns, data_files
from fanfold.importers.data_files import DataFile
from fanfold.local.launcher import repository_root
from fanfold_dev.documents.data_kinds import kinds
from fanfold_dev.documents.data_kinds.building import COUNT, OPENS, Kind

PAGE = "docs/data-kinds.md"
BEGIN = "<!-- Written by `make documents`, down to the end mark. -->"
END = "<!-- End of what is written. -->"
# After every example.
NOW = OPENS + 400 * 86_400


def data_files_markdown() -> str:
    """Return the page with its table written anew. Raises ValueError where it lacks the marks."""
    before, begin, rest = (repository_root() / PAGE).read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks the marks of its table")
    return before + "\n".join([BEGIN, "", *_table(), "", END]) + after


def read(kind: Kind, directory: Path) -> DataFile:
    """Return what a kind's example holds. Raises BadInput for one that is refused."""
    path = directory / kind.name
    path.write_bytes(kind.content)
    return data_files.read(str(path), columns=columns.parse(kind.columns), now=NOW)


def _table() -> Iterator[str]:
    yield from ("| file | example | what becomes of it |", "| --- | --- | --- |")
    with TemporaryDirectory() as directory:
        for kind in kinds():
            options = f" `--columns {kind.columns}`" if kind.columns else ""
            yield f"| {_cell(kind.source)} | `{kind.name}`{options} | {_cell(_outcome(kind, Path(directory)))} |"


def _outcome(kind: Kind, directory: Path) -> str:
    try:
        file = read(kind, directory)
    except BadInput as refusal:
        return "**refused:** " + str(refusal).replace(f"{directory}/", "")
    bars = "" if file.recording.count == COUNT else f", {file.recording.count} bars"
    remarks = [*file.notes, *(finding.text for finding in file.findings)]
    return "; ".join([f"{file.recording.instrument} {file.recording.timeframe} ({file.format}){bars}", *remarks])


def _cell(text: str) -> str:
    """Return text as a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
