"""A damaged segment of the audit log is named, with the command that says more."""

from types import SimpleNamespace
from typing import Any

import pytest

from fanfold.audit import chain
from fanfold.cli.reading import records_of
from fanfold.errors import BadInput
from support.audited_desk import MemoryLog


@pytest.mark.parametrize("body", [b'{"seq":1,"stre', b"\xff\xfe\n", b"[1, 2]\n"])
def test_a_damaged_segment_is_named(body: bytes) -> None:
    log = MemoryLog()
    key = chain.segment_key("main", 1)
    log.put(key, body)
    session: Any = SimpleNamespace(log=log)
    with pytest.raises(BadInput, match=rf"^{key}: not a record of the audit log: .*; `fanfold audit verify` says"):
        records_of(session)
