"""Attacks on everything that audit keeps, with whatever rights: verify finds each, and says where."""

from collections.abc import Callable

import msgspec
import pytest

from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head, Segment, Tip
from fanfold.audit.verdict import Verdict
from support.audited_desk import Audit, audited, minute

SOUND = audited()
END = SOUND.views.tip("main").head.seq


@pytest.fixture
def audit() -> Audit:
    return SOUND.copy()


def broken(audit: Audit) -> Verdict:
    """The one verdict that is not sound."""
    (verdict,) = audit.broken()
    return verdict


def cut(audit: Audit, kept: int) -> None:
    """The log ends after a record, and the head says so."""
    for key in [key for key in audit.log.versions if "/main/" in key and chain.first_of(key) > kept]:
        del audit.log.versions[key]
    audit.views.known["main"] = Tip(head=Head(stream="main", seq=kept, hash=audit.hash_at("main", kept)))


def forge(audit: Audit, first: int, cash: str = "1000000") -> None:
    """Another history from a segment on, its head with it."""
    head = Head(stream="main", seq=first - 1, hash=audit.hash_at("main", first - 1)) if first > 1 else None
    head = head or chain.start("main")
    for key in sorted(key for key in audit.log.versions if "/main/" in key and chain.first_of(key) >= first):
        entries = [_forged(chain.read(line), cash) for line in chain.lines_of(audit.log.read(key))]
        segment, head = chain.append(head, entries)
        audit.log.versions[key] = [segment.body]
    audit.views.known["main"] = Tip(head=head)


def _forged(record: chain.Record, cash: str) -> Entry:
    changed = {"cash": cash} if "cash" in record.message else {"at": "2026-02-01T00:00:01Z"}
    return Entry(topic=record.topic, message=record.message | changed, sent_ms=record.sent_ms)


def forged_next(audit: Audit) -> Segment:
    message = {
        "type": "execution-report.v1",
        "id": "lie",
        "cause": "x",
        "at": "2026-02-01T00:00:00Z",
        "account": "main",
        "venue": "sim",
        "cash": "1000000",
        "version": 999,
    }
    head = audit.views.tip("main").head
    return chain.append(head, [Entry(topic="executions", message=message, sent_ms=1)])[0]


def test_an_untouched_record_verifies() -> None:
    assert SOUND.broken() == []
    assert {stream: verdict.records for stream, verdict in SOUND.verdicts().items()} == {
        "main": END,
        "market-sim": 4,
        "reports": 2,
    }


@pytest.mark.parametrize("kept", [13, 9, 5, 1])
def test_a_cut_tail_is_located_though_the_head_was_set_back(audit: Audit, kept: int) -> None:
    cut(audit, kept)
    verdict = broken(audit)
    assert (verdict.stream, verdict.kind, verdict.seq) == ("main", "cut off", kept + 1)


def test_a_cut_tail_is_located_by_a_closed_day_alone(audit: Audit) -> None:
    cut(audit, 5)
    audit.views.items = {key: item for key, item in audit.views.items.items() if not item.get("seq", 0) > 5}
    verdict = broken(audit)
    assert (verdict.kind, verdict.seq) == ("cut off", 6)
    assert "closed day" in verdict.evidence


@pytest.mark.parametrize("first", [1, 6, 10, 14])
def test_a_rewritten_history_is_located_though_its_head_is_too(audit: Audit, first: int) -> None:
    forge(audit, first)
    verdict = broken(audit)
    assert (verdict.stream, verdict.kind, verdict.seq) == ("main", "forked", first)


def test_a_rewritten_history_with_its_views_is_found_by_the_closed_days(audit: Audit) -> None:
    forge(audit, 2)
    again = Audit()
    again.log.versions = {}
    for key in sorted(audit.log.versions):
        for line in chain.lines_of(audit.log.read(key)):
            _record_again(again, line)
    audit.views.items, audit.log.versions = again.views.items, again.log.versions
    audit.views.known = again.views.known
    verdict = broken(audit)
    assert (verdict.stream, verdict.kind) == ("main", "forked")
    assert verdict.evidence.startswith("the closed day")


def _record_again(audit: Audit, line: bytes) -> None:
    from fanfold import messages

    audit.record(messages.decode(msgspec.json.encode(chain.read(line).message)))


def test_a_forged_next_segment_is_never_adopted(audit: Audit) -> None:
    segment = forged_next(audit)
    audit.log.create(segment.key, segment.body)
    audit.record(*minute(4))
    assert audit.views.read(("books", "main"))["cash"] == "996"
    assert audit.views.tip("main").head.seq == END + 4
    verdict = broken(audit)
    assert (verdict.kind, verdict.seq, verdict.segment) == ("foreign", END + 1, segment.key)


@pytest.mark.parametrize("body", [b"garbage\n", b"", b"\xff", b"{}\n"])
def test_garbage_in_place_of_the_next_segment_dead_letters_no_message(audit: Audit, body: bytes) -> None:
    key = chain.segment_key("main", END + 1)
    audit.log.create(key, body)
    for n in (4, 5, 6):
        audit.record(*minute(n))
    assert audit.views.tip("main").head.seq == END + 12
    assert audit.views.read(("books", "main"))["cash"] == "994"
    verdict = broken(audit)
    assert (verdict.kind, verdict.seq, verdict.segment) == ("foreign", END + 1, key)


def test_garbage_that_waits_for_the_next_message_is_located(audit: Audit) -> None:
    segment = forged_next(audit)
    audit.log.create(segment.key, segment.body)
    assert (broken(audit).kind, broken(audit).seq) == ("foreign", END + 1)


def test_a_segment_that_was_promised_waits_for_its_head_and_is_sound(audit: Audit) -> None:
    segment = forged_next(audit)
    audit.views.promise(audit.views.tip("main"), segment.hashes[-1])
    assert audit.broken() == []
    audit.log.create(segment.key, segment.body)
    assert audit.broken() == []
    assert audit.verdicts()["main"].pending == 1


def test_a_head_that_was_set_back_is_located(audit: Audit) -> None:
    audit.views.known["main"] = Tip(head=Head(stream="main", seq=9, hash=audit.hash_at("main", 9)))
    assert (broken(audit).kind, broken(audit).seq) == ("head", 10)


def test_a_head_that_is_gone_is_located(audit: Audit) -> None:
    del audit.views.known["main"]
    assert (broken(audit).kind, broken(audit).seq) == ("head", 1)


def test_a_head_with_another_hash_is_told_from_an_edited_record(audit: Audit) -> None:
    audit.views.known["main"] = Tip(head=Head(stream="main", seq=END, hash="0" * 64))
    assert (broken(audit).kind, broken(audit).seq) == ("head", END)


@pytest.mark.parametrize("body", [b"forged\n", None])
def test_a_newer_version_over_a_segment_is_located(audit: Audit, body: bytes | None) -> None:
    key = chain.segment_key("main", 6)
    audit.log.put(key, body)
    verdict = broken(audit)
    assert (verdict.kind, verdict.seq, verdict.segment) == ("shadowed", 6, key)


def test_a_shadow_under_the_head_of_a_forged_chain_is_located(audit: Audit) -> None:
    forged = audit.copy()
    forge(forged, 1)
    for key, (body,) in forged.log.versions.items():
        if "/main/" in key:
            audit.log.put(key, body)
    audit.views.known["main"] = forged.views.known["main"]
    assert (broken(audit).kind, broken(audit).seq) == ("shadowed", 1)


def test_a_message_whose_view_was_planted_is_located(audit: Audit) -> None:
    audit.views.items["message#bars-9", "message"] = {"seq": 1, "hash": "x", "segment": "chain/market-sim/x.jsonl"}
    verdict = broken(audit)
    assert (verdict.stream, verdict.kind) == ("market-sim", "view")
    assert "bars-9" in verdict.evidence


EDITS: dict[str, tuple[Callable[[Audit], object], str]] = {
    "books": (lambda audit: audit.view(("account#main", "books")).update(cash="7"), "books"),
    "order gone": (lambda audit: audit.views.items.pop(("account#main", "order#o2")), "order#o2"),
    "a hash": (lambda audit: audit.view(("message#targets-0", "message")).update(hash="0"), "targets-0"),
    "a position more": (lambda audit: audit.views.items.update({("account#main", "position#x#y"): {}}), "position#x#y"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_view_is_located(audit: Audit, edit: str) -> None:
    change, named = EDITS[edit]
    change(audit)
    verdict = broken(audit)
    assert (verdict.stream, verdict.kind) == ("main", "view")
    assert named in verdict.evidence


def test_a_redelivered_message_changes_nothing(audit: Audit) -> None:
    audit.record(*minute(3), *minute(1))
    assert audit.broken() == []
    assert audit.views.tip("main").head.seq == END
