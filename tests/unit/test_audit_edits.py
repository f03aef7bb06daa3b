"""Ten thousand random edits of whatever audit keeps: each is found where it was made, or changes nothing at all."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head
from support.audited_desk import Audit, Objects, audited

SEEDS = 20
EDITS_A_SEED = 500
SOUND = audited()
# Where an edit shows: a stream, the records that may be named, and the view that may be.
Place = tuple[str, set[int], str]
Edit = Callable[[Audit, Random], Place]


def segment_of(audit: Audit, chance: Random) -> tuple[str, str, int, list[bytes]]:
    """The key of a random segment, its stream, its first record and its lines."""
    key = chance.choice(sorted(audit.log.versions))
    return key, key.split("/")[1], chain.first_of(key), chain.lines_of(audit.log.read(key))


def stored(audit: Audit, key: str, lines: list[bytes]) -> None:
    audit.log.versions[key] = [b"".join(line + b"\n" for line in lines)]


def changed_byte(body: bytes, chance: Random) -> tuple[int, bytes]:
    at = chance.randrange(len(body))
    return at, body[:at] + bytes([chance.choice([byte for byte in range(256) if byte != body[at]])]) + body[at + 1 :]


def change_a_byte(audit: Audit, chance: Random) -> Place:
    key, stream, first, _ = segment_of(audit, chance)
    body = audit.log.read(key)
    at, changed = changed_byte(body, chance)
    audit.log.versions[key] = [changed]
    seq = first + body.count(b"\n", 0, at)
    return stream, {seq, seq + 1}, ""


def delete_a_record(audit: Audit, chance: Random) -> Place:
    key, stream, first, lines = segment_of(audit, chance)
    at = chance.randrange(len(lines))
    stored(audit, key, [*lines[:at], *lines[at + 1 :]])
    return stream, {first + at}, ""


def insert_a_record(audit: Audit, chance: Random) -> Place:
    key, stream, first, lines = segment_of(audit, chance)
    at, copied = chance.randrange(len(lines) + 1), chance.choice(audit.lines(stream))
    stored(audit, key, [*lines[:at], copied, *lines[at:]])
    # Beside its original it cannot be said which of the two is the copy.
    original = chain.read(copied).seq
    return stream, {first + at, original} if abs(original - first - at) <= 1 else {first + at}, ""


def swap_records(audit: Audit, chance: Random) -> Place:
    key, stream, first, lines = segment_of(audit, chance)
    first_line, other = (chance.randrange(len(lines)) for _ in range(2))
    lines[first_line], lines[other] = lines[other], lines[first_line]
    stored(audit, key, lines)
    return stream, {first + min(first_line, other)} if first_line != other else set(), ""


def edit_a_field(audit: Audit, chance: Random) -> Place:
    key, stream, first, lines = segment_of(audit, chance)
    at = chance.randrange(len(lines))
    record = msgspec.json.decode(lines[at])
    _scramble(record, chance)
    lines[at] = msgspec.json.encode(record, order="sorted")
    stored(audit, key, lines)
    return stream, {first + at}, ""


def remove_a_segment(audit: Audit, chance: Random) -> Place:
    key, stream, first, _ = segment_of(audit, chance)
    del audit.log.versions[key]
    return stream, {first}, ""


def of_one_stream(audit: Audit, chance: Random) -> tuple[str, list[str]]:
    stream = chance.choice(["main", "market-sim"])
    return stream, sorted(key for key in audit.log.versions if key.split("/")[1] == stream)


def swap_segments(audit: Audit, chance: Random) -> Place:
    stream, keys = of_one_stream(audit, chance)
    first_key, other = sorted(chance.sample(keys, 2))
    audit.log.versions[first_key], audit.log.versions[other] = audit.log.versions[other], audit.log.versions[first_key]
    return stream, {chain.first_of(first_key)}, ""


def move_the_seam(audit: Audit, chance: Random) -> Place:
    """Records go over into the segment before or behind: the chain is as it was, and its objects are not."""
    stream, keys = of_one_stream(audit, chance)
    at = chance.randrange(len(keys) - 1)
    before, behind = (chain.lines_of(audit.log.read(key)) for key in keys[at : at + 2])
    cut = chance.randrange(len(before) + len(behind) + 1)
    stored(audit, keys[at], [*before, *behind][:cut])
    stored(audit, keys[at + 1], [*before, *behind][cut:])
    first = chain.first_of(keys[at])
    return stream, {first + min(cut, len(before))} if cut != len(before) else set(), ""


def replay_a_segment(audit: Audit, chance: Random) -> Place:
    """Put the content of one segment of a stream in the place of another."""
    stream, keys = of_one_stream(audit, chance)
    replaced, other = chance.sample(keys, 2)
    audit.log.versions[replaced] = list(audit.log.versions[other])
    first = chain.first_of(replaced)
    # Beside its original it cannot be said which of the two is the copy.
    return stream, {first, chain.first_of(other)}, ""


def shadow_a_segment(audit: Audit, chance: Random) -> Place:
    key, stream, first, lines = segment_of(audit, chance)
    audit.log.put(key, chance.choice([None, b"", b"forged\n", audit.log.read(key), lines[0] + b"\n"]))
    return stream, {first}, ""


def rewrite_history(audit: Audit, chance: Random) -> Place:
    """From a segment on, with its head or without."""
    key, stream, first, _ = segment_of(audit, chance)
    before = audit.hash_at(stream, first - 1) if first > 1 else chain.start(stream).hash
    head = Head(stream=stream, seq=first - 1, hash=before)
    for later in [
        version for version in sorted(audit.log.versions) if version.split("/")[1] == stream and version >= key
    ]:
        records = [chain.read(line) for line in chain.lines_of(audit.log.read(later))]
        entries = [Entry(topic=record.topic, message=record.message, sent_ms=record.sent_ms + 1) for record in records]
        segment, head = chain.append(head, entries)
        audit.log.versions[later] = [segment.body]
    if chance.random() < 0.5:
        audit.views.known[stream] = msgspec.structs.replace(audit.views.known[stream], head=head)
    return stream, {first}, ""


def cut_the_tail(audit: Audit, chance: Random) -> Place:
    """Behind a segment, with the head set back or not."""
    key, stream, first, _ = segment_of(audit, chance)
    for later in [version for version in audit.log.versions if version.split("/")[1] == stream and version >= key]:
        del audit.log.versions[later]
    if first > 1 and chance.random() < 0.5:
        audit.views.known[stream] = msgspec.structs.replace(
            audit.views.known[stream], head=Head(stream=stream, seq=first - 1, hash=audit.hash_at(stream, first - 1))
        )
    return stream, {first}, ""


def plant_a_segment(audit: Audit, chance: Random) -> Place:
    """Garbage or a record that links, behind the head, aside of a segment, or in a stream of its own."""
    stream = chance.choice(["main", "market-sim", "other"])
    head = audit.views.tip(stream).head
    segment, _ = chain.append(head, [Entry(topic="orders", message={"id": "lie"}, sent_ms=1)])
    first = chance.choice([head.seq + 1, head.seq + 1, chance.randrange(1, head.seq + 9)])
    key = chain.segment_key(stream, first, chance.choice(["", "aside"]) if first > head.seq else "aside")
    audit.log.create(key, chance.choice([segment.body, b"garbage\n", b""]))
    return stream, {first}, ""


def edit_a_head(audit: Audit, chance: Random) -> Place:
    stream = chance.choice(["main", "market-sim"])
    head = audit.views.tip(stream).head
    if chance.random() < 0.2:
        del audit.views.known[stream]
        return stream, {1}, ""
    seq = max(0, head.seq + chance.randrange(-4, 5))
    same = seq and seq <= head.seq and chance.random() < 0.5
    moved = Head(stream=stream, seq=seq, hash=audit.hash_at(stream, seq) if same else f"{chance.random()}")
    audit.views.known[stream] = msgspec.structs.replace(audit.views.known[stream], head=moved)
    places = {head.seq + 1} if seq > head.seq else {seq, seq + 1} | {first_behind(audit, stream, seq)}
    return stream, places if moved != head else set(), ""


def first_behind(audit: Audit, stream: str, seq: int) -> int:
    firsts = [chain.first_of(key) for key in audit.log.versions if key.split("/")[1] == stream]
    return max((first for first in firsts if first <= seq + 1), default=1)


def edit_a_view(audit: Audit, chance: Random) -> Place:
    key = chance.choice(sorted(audit.views.items))
    item = audit.view(key)
    if chance.random() < 0.2:
        del audit.views.items[key]
    else:
        _scramble(item, chance)
    stream = "market-sim" if key[0].startswith("message#bars") else "main"
    # A message's view has its record; one whose hash differs and is the last looks as if its record had been rewritten.
    return stream, {SOUND.views.items[key].get("seq", -1)}, " ".join(key)


def plant_a_view(audit: Audit, chance: Random) -> Place:
    key = chance.choice([("account#main", "position#x#B"), ("trades#main#2026-01-31", "A#t99"),
                         ("decisions#main", "2026#o99"), ("account#main", "halt#x")])  # fmt: skip
    audit.views.items[key] = {"view_version": "", "x": str(chance.random())}
    return "main", set(), " ".join(key)


def edit_a_report(audit: Audit, chance: Random) -> Place:
    day = chance.choice(sorted(audit.reports.pages))
    number = sorted(audit.reports.pages).index(day) + 1
    name = chance.choice(["report", "page"])
    body: bytes = getattr(audit.reports.pages[day], name)
    changed = b"" if chance.random() < 0.1 else changed_byte(body, chance)[1]
    audit.reports.pages[day] = audit.reports.pages[day]._replace(**{name: changed})
    return "reports", {number}, ""


def plant_a_report(audit: Audit, chance: Random) -> Place:
    day = f"2026-03-{chance.randrange(1, 29):02d}"
    audit.reports.pages[day] = audit.reports.pages[chance.choice(sorted(audit.reports.pages))]
    return "reports", {3}, ""


def edit_a_seal(audit: Audit, chance: Random) -> Place:
    return "reports", _tampered(audit.seals, chance), ""


def _tampered(objects: Objects, chance: Random) -> set[int]:
    keys = sorted(objects.versions)
    key = chance.choice(keys)
    number = keys.index(key) + 1
    kind = chance.randrange(4)
    if kind == 0:
        del objects.versions[key]
        # The next one shows it, or the report that nobody names any more.
        return {number, len(keys)}
    if kind == 1:
        objects.put(key, chance.choice([None, b"{}", objects.read(key)]))
    else:
        objects.versions[key] = [changed_byte(objects.read(key), chance)[1]]
    return {number}


def _scramble(fields: dict[str, Any], chance: Random) -> None:
    """Change, add or drop a field, at any depth."""
    name = chance.choice(sorted(fields))
    value = fields[name]
    if isinstance(value, dict) and value and chance.random() < 0.7:
        _scramble(value, chance)
    elif chance.random() < 0.2:
        del fields[name]
    elif chance.random() < 0.2:
        fields[f"{name}2"] = value
    else:
        fields[name] = chance.choice(["", "x", 0, 7, None, [], {}, f"{value}0"])


EDITS: list[Edit] = [
    change_a_byte, delete_a_record, insert_a_record, swap_records, edit_a_field, remove_a_segment, shadow_a_segment,
    swap_segments, move_the_seam, replay_a_segment,
    rewrite_history, cut_the_tail, plant_a_segment, edit_a_head, edit_a_view, edit_a_view, edit_a_view, plant_a_view,
    edit_a_report, plant_a_report, edit_a_seal,
]  # fmt: skip


def is_same(audit: Audit) -> bool:
    """Say whether it holds what was recorded, byte for byte."""
    ours, theirs = ((side.log.versions, side.views.items, side.views.known, side.seals.versions, side.reports.pages)
                    for side in (audit, SOUND))  # fmt: skip
    bodies = [{key: [body and body.rstrip(b"\n") for body in versions] for key, versions in side[0].items()}
              for side in (ours, theirs)]  # fmt: skip
    # In Python 0 is False, which an item is not.
    exact = [[(key, repr(sorted(item.items()))) for key, item in sorted(side[1].items())] for side in (ours, theirs)]
    return ours[1:] == theirs[1:] and bodies[0] == bodies[1] and exact[0] == exact[1]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_edit_is_found_where_it_was_made_or_changes_nothing(seed: int) -> None:
    chance = Random(seed)
    for _ in range(EDITS_A_SEED):
        audit, edit = SOUND.copy(), chance.choice(EDITS)
        stream, places, view = edit(audit, chance)
        broken = {verdict.stream: verdict for verdict in audit.broken()}
        if is_same(audit):
            assert not broken, f"{edit.__name__} changed nothing"
            continue
        assert stream in broken, f"{edit.__name__} was not found"
        verdict = broken[stream]
        assert verdict.seq in places or (view and view in verdict.evidence), f"{edit.__name__} of {places}: {verdict}"
