"""Reading a desk's records: a damaged segment is named, an instrument that left the desk file is found."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from fanfold.audit import chain
from fanfold.cli.reading import instrument_of, records_of
from fanfold.errors import BadInput
from fanfold.messages import PositionSnapshot
from support.audited_desk import MemoryLog
from support.core_desk import A, small_desk
from support.risk_world import D


@pytest.mark.parametrize("body", [b'{"seq":1,"stre', b"\xff\xfe\n", b"[1, 2]\n"])
def test_a_damaged_segment_is_named(body: bytes) -> None:
    log = MemoryLog()
    key = chain.segment_key("main", 1)
    log.put(key, body)
    session: Any = SimpleNamespace(log=log)
    with pytest.raises(BadInput, match=rf"^{key}: not a record of the audit log: .*; `fanfold audit verify` says"):
        records_of(session)


def test_an_instrument_that_left_the_desk_file_is_found_by_its_position() -> None:
    gone = PositionSnapshot(instance="slow", instrument="GONE/USDT", quantity=D(1), cost=D(1), realised=D(0), fees=D(0),
                            version=3)  # fmt: skip
    views = SimpleNamespace(of_account=lambda _account, _kind: [{"position": msgspec.to_builtins(gone)}])
    session: Any = SimpleNamespace(desk=small_desk(), views=views)
    assert instrument_of(session, "gone/usdt") == "GONE/USDT"
    assert instrument_of(session, A.lower()) == A
    with pytest.raises(BadInput, match="the desk has no instrument 'NEVER/USDT'; it has"):
        instrument_of(session, "NEVER/USDT")
