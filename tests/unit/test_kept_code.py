"""Compiled code is kept, and what is compiled because it was not is said."""

from pathlib import Path
from typing import Any

import pytest
from numba import njit

from fanfold.research import kept


def doubled() -> Any:
    def twice(figure: int) -> int:
        return 2 * figure

    return kept.keep(njit(twice), ("columns",), "test")


def test_what_is_compiled_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    heard: list[str] = []
    before = kept.on_compile.set(heard.append)
    try:
        assert doubled()(21) == 42
        assert heard == ["twice"]
        assert doubled()(4) == 8
    finally:
        kept.on_compile.reset(before)
    assert len(heard) == 1
    assert list(kept.folder().iterdir())
