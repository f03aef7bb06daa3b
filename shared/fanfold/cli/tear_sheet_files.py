"""Tear sheets as files: a page for each account, and beside it the same numbers as JSON."""

from collections.abc import Sequence
from pathlib import Path

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
    if html.suffix == ".json":
        raise BadInput(f"{html} is to be a page, and its numbers go beside it: name it .html")
    written = []
    for account in result.accounts.values():
        path = html.with_stem(f"{html.stem}-{account.account}") if len(result.accounts) > 1 else html
        sheet = tear_sheet_of(result, account, recordings, title, verdict)
        try:
            path.write_text(page(sheet), encoding="utf-8")
            path.with_suffix(".json").write_bytes(numbers(sheet))
        except OSError as wrong:
            raise BadInput(f"{path} cannot be written: {wrong.strerror}; name another with --html") from wrong
        written.append(path)
    return written
