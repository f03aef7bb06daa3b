"""Pages of results as files: one for each account of a back-test, and beside it the same numbers as JSON."""

from collections.abc import Sequence
from pathlib import Path

from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.result import BacktestResult
from fanfold.research.sheet_of_account import tear_sheet_of
from fanfold.research.tear_sheet import NO_VERDICT, BiasFindings, numbers, page


def write(
    result: BacktestResult,
    recordings: Sequence[Recording],
    html: Path,
    title: str,
    verdict: BiasFindings = NO_VERDICT,
) -> list[Path]:
    """Write the page of each account, and return where; of several accounts, each file's name has the account's."""
    written = []
    for account in result.accounts.values():
        path = html.with_stem(f"{html.stem}-{account.account}") if len(result.accounts) > 1 else html
        sheet = tear_sheet_of(result, account, recordings, title, verdict)
        write_page(path, page(sheet), numbers(sheet))
        written.append(path)
    return written


def checked(html: Path) -> None:
    """Raise BadInput where a page cannot be written at a place, before there is one."""
    if html.suffix == ".json":
        raise BadInput(f"{html} is to be a page, and its numbers go beside it: name it .html")
    if not html.parent.is_dir():
        raise BadInput(f"{html} cannot be written: there is no folder {html.parent}; name another with --html")


def write_page(path: Path, text: str, figures: bytes) -> None:
    """Write a page, and its numbers beside it. Raises BadInput where that cannot be done."""
    try:
        for place, body in ((path, text.encode()), (path.with_suffix(".json"), figures)):
            with replacing(place) as file:
                file.write(body)
    except OSError as wrong:
        raise BadInput(f"{path} cannot be written: {wrong.strerror}; name another with --html") from wrong
