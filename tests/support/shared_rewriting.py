"""The rewriting of assertions, which pytest keeps beside the tests, divided among workers that begin on a clean clone.

Each worker collects all tests, and so would rewrite every file of them, at the same time as the others.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from _pytest.assertion.rewrite import PYC_TAIL, assertstate_key, get_cache_dir


def rewrite_share(config: pytest.Config, number: int, count: int) -> list[Path]:
    """Rewrite every ``count``-th file of tests that nobody has rewritten, from a number on; return what was written."""
    files = sorted(set(_files(config)))[number::count]
    return [written for file in files if (written := _rewritten(config, file))]


def _files(config: pytest.Config) -> Iterator[Path]:
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        yield from path.rglob("test_*.py") if path.is_dir() else [path]


def _rewritten(config: pytest.Config, file: Path) -> Path | None:
    kept = get_cache_dir(file) / f"{file.stem}{PYC_TAIL}"
    if sys.dont_write_bytecode or rewrite._read_pyc(file, kept) is not None:
        return None
    kept.parent.mkdir(exist_ok=True)
    digest, code = rewrite._rewrite_test(file, config)
    return kept if rewrite._write_pyc(config.stash[assertstate_key], code, digest, kept) else None
