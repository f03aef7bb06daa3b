"""Whatever is done to a log, verify says so and says where."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head, Tip
from fanfold.audit.verdict import Verdict, verify

COUNT = 240
PER_SEGMENT = 7


def entries(count: int, mark: str = "") -> list[Entry]:
    return [
        Entry(topic="orders", message={"id": f"m{n}{mark}", "weight": n / 7, "text": "é\n"}, sent_ms=n)
        for n in range(1, count + 1)
    ]


def recorded(wanted: list[Entry]) -> tuple[list[bytes], Head]:
    head, lines = chain.start("main"), []
    for n in range(0, len(wanted), PER_SEGMENT):
        segment, head = chain.append(head, wanted[n : n + PER_SEGMENT])
        lines += segment.body.splitlines()
    return lines, head


LINES, HEAD = recorded(entries(COUNT))


def stored(lines: list[bytes]) -> Iterator[tuple[str, bytes]]:
    for n in range(0, len(lines), PER_SEGMENT):
        yield f"segment-{n // PER_SEGMENT}", b"\n".join(lines[n : n + PER_SEGMENT]) + b"\n"


def judged(lines: list[bytes], head: Head = HEAD) -> tuple[str, int]:
    verdict = verify(head, stored(lines))
    return verdict.kind, verdict.seq


places = st.integers(0, COUNT - 1)


def test_an_untouched_log_is_sound() -> None:
    assert verify(HEAD, stored(LINES)) == Verdict(stream="main", kind="sound", records=COUNT, hash=HEAD.hash)


def test_a_hash_is_the_sha256_of_the_line() -> None:
    assert json.loads(LINES[5])["prev"] == sha256(LINES[4]).hexdigest()
    assert sha256(LINES[-1]).hexdigest() == HEAD.hash


def test_a_line_is_canonical_json() -> None:
    plain = json.dumps(json.loads(LINES[3]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert plain.encode() == LINES[3]


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "message": lambda record: record["message"].update(id="other"),
    "topic": lambda record: record.update(topic="bars"),
    "sent_ms": lambda record: record.update(sent_ms=record["sent_ms"] + 1),
    "prev": lambda record: record.update(prev="0" * 64),
    "seq up": lambda record: record.update(seq=record["seq"] + 1),
    "seq far": lambda record: record.update(seq=record["seq"] + 1000),
    "seq down": lambda record: record.update(seq=record["seq"] - 1),
    "stream": lambda record: record.update(stream="other"),
    "field lost": lambda record: record.pop("topic"),
}


@pytest.mark.parametrize("edit", EDITS)
@given(place=places)
@settings(max_examples=25, deadline=None)
def test_an_edit_of_any_record_is_found_and_located(edit: str, place: int) -> None:
    record = json.loads(LINES[place])
    EDITS[edit](record)
    changed = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert judged([*LINES[:place], changed, *LINES[place + 1 :]]) == ("edited", place + 1)


@given(place=places, at=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_is_found_and_located(place: int, at: int, byte: int) -> None:
    line = bytearray(LINES[place])
    at %= len(line)
    if line[at] == byte or byte in b"\n":
        return
    line[at] = byte
    assert judged([*LINES[:place], bytes(line), *LINES[place + 1 :]])[1] == place + 1


@given(place=places)
@settings(max_examples=60, deadline=None)
def test_a_deleted_record_is_found_and_located(place: int) -> None:
    kind = "cut off" if place == COUNT - 1 else "deleted"
    assert judged([*LINES[:place], *LINES[place + 1 :]]) == (kind, place + 1)


@given(place=st.integers(0, COUNT), copied=places)
@settings(max_examples=100, deadline=None)
def test_a_record_copied_to_any_place_is_found_and_located(place: int, copied: int) -> None:
    # Beside its original it cannot be said which of the two is the copy: they are one record twice.
    where = copied + 1 if place in (copied, copied + 1) else place + 1
    assert judged([*LINES[:place], LINES[copied], *LINES[place:]]) == ("inserted", where)


@given(place=st.integers(0, COUNT - 1))
@settings(max_examples=60, deadline=None)
def test_a_forged_record_that_links_to_its_predecessor_is_found_and_located(place: int) -> None:
    record = json.loads(LINES[place])
    record["message"]["id"] = "forged"
    forged = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    kind, seq = judged([*LINES[:place], forged, *LINES[place:]])
    assert (kind, seq) == ("edited" if place == COUNT - 1 else "inserted", place + 1)


@given(first=places, second=places)
@settings(max_examples=100, deadline=None)
def test_swapped_records_are_found_and_located(first: int, second: int) -> None:
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    where = min(first, second) + 1
    assert judged(lines) == (("sound", 0) if first == second else ("reordered", where))


@given(kept=places)
@settings(max_examples=60, deadline=None)
def test_a_cut_tail_is_found_and_located(kept: int) -> None:
    assert judged(LINES[:kept]) == ("cut off", kept + 1)


@given(place=places)
@settings(max_examples=40, deadline=None)
def test_a_rewritten_history_that_links_is_found_by_its_head(place: int) -> None:
    forged, _ = recorded(entries(COUNT)[:place] + entries(COUNT, "forged")[place:])
    assert judged(forged) == ("edited", COUNT)


def test_an_edit_shows_the_segment_that_holds_it() -> None:
    lines = [*LINES[:20], LINES[20].replace(b"m21", b"m99"), *LINES[21:]]
    assert verify(HEAD, stored(lines)).segment == "segment-2"


@given(behind=st.integers(1, COUNT // PER_SEGMENT), place=places, data=st.data())
@settings(max_examples=60, deadline=None)
def test_verifying_only_new_records_agrees_with_verifying_all(behind: int, place: int, data: st.DataObject) -> None:
    since = Head(stream="main", seq=behind * PER_SEGMENT, hash=sha256(LINES[behind * PER_SEGMENT - 1]).hexdigest())
    place = data.draw(st.integers(since.seq, COUNT - 1)) if since.seq < COUNT else COUNT - 1
    lines = [*LINES[:place], LINES[place].replace(b'"m', b'"n', 1), *LINES[place + 1 :]]
    for stream in (LINES, lines, [*LINES[:place], *LINES[place + 1 :]], LINES[: place + 1]):
        rest = list(stored(stream))[behind:]
        assert verify(HEAD, rest, since) == verify(HEAD, stored(stream))


def test_a_record_after_the_head_is_reported_as_inserted() -> None:
    further, _ = recorded([*entries(COUNT), *entries(3)])
    assert judged(further) == ("inserted", COUNT + 1)


def test_a_chain_is_not_valid_for_another_stream() -> None:
    assert verify(Head(stream="other", seq=COUNT, hash=HEAD.hash), stored(LINES)).seq == 1


NEXT, AFTER = chain.append(HEAD, entries(2))


def test_a_segment_is_proven_by_a_promise_of_its_last_hash() -> None:
    tip = Tip(head=HEAD, promised=("another", AFTER.hash))
    assert chain.promised_segment(tip, NEXT.key, NEXT.body) == (NEXT, AFTER)


@pytest.mark.parametrize("promised", [(), ("another",), (HEAD.hash,)])
def test_a_segment_that_links_and_was_not_promised_is_not_proven(promised: tuple[str, ...]) -> None:
    assert chain.promised_segment(Tip(head=HEAD, promised=promised), NEXT.key, NEXT.body) is None


@pytest.mark.parametrize("body", [b"", b"garbage\n", b"\xff\n", NEXT.body.splitlines()[0], NEXT.body + b"more\n"])
def test_another_object_is_not_proven_by_the_promise_of_a_segment(body: bytes) -> None:
    assert chain.promised_segment(Tip(head=HEAD, promised=(AFTER.hash,)), NEXT.key, body) is None


def test_a_segment_is_not_proven_behind_another_head() -> None:
    tip = Tip(head=chain.start("main"), promised=(AFTER.hash,))
    assert chain.promised_segment(tip, NEXT.key, NEXT.body) is None


@given(first=st.integers(1, 10**12 - 1), aside=st.sampled_from(["", "0" * 64]))
def test_a_segments_name_has_its_first_record(first: int, aside: str) -> None:
    key = chain.segment_key("main", first, aside)
    assert chain.first_of(key) == first
    assert chain.segment_key("main", first - 1) < key <= chain.segment_key("main", first)


@pytest.mark.parametrize("name", ["x.jsonl", "", "1.jsonl", "00000000000x.jsonl", "-00000000001.jsonl"])
def test_an_invalid_segment_name_has_no_record(name: str) -> None:
    assert chain.first_of(f"chain/main/{name}") == 0
