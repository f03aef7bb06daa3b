"""Attacks that change nothing about single records: what is moved, split, replayed or signed anew is found, too."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
import pytest

from fanfold.audit import chain
from fanfold.audit.chain import Tip
from fanfold.audit.daily_report import DayReport
from fanfold.audit.seals import Seal, decode_seal, seal
from fanfold.audit.verdict import Verdict
from support.audited_desk import START, Audit, audited
from support.stage_key import Key256

SOUND = audited()


def keys(audit: Audit, stream: str = "main") -> list[str]:
    return sorted(key for key in audit.log.versions if key.split("/")[1] == stream)


def stored(audit: Audit, key: str, lines: Sequence[bytes]) -> None:
    audit.log.versions[key] = [b"".join(line + b"\n" for line in lines)]


def lines(audit: Audit, key: str) -> list[bytes]:
    return chain.lines_of(audit.log.read(key))


def broken(audit: Audit) -> dict[str, Verdict]:
    return {verdict.stream: verdict for verdict in audit.broken()}


@pytest.fixture
def audit() -> Audit:
    return SOUND.copy()


@pytest.mark.parametrize("place", range(4))
def test_two_segments_that_changed_places_are_located(audit: Audit, place: int) -> None:
    first, second = keys(audit)[place : place + 2]
    versions = audit.log.versions
    versions[first], versions[second] = versions[second], versions[first]
    verdict = broken(audit)["main"]
    assert verdict.seq == chain.first_of(first)


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("at", range(1, 4))
def test_a_record_that_was_moved_to_the_next_segment_is_located(audit: Audit, at: int, forward: bool) -> None:
    first, second = keys(audit)[at : at + 2]
    before, after = lines(audit, first), lines(audit, second)
    moved = len(before) - 1 if forward else len(before)
    both = [*before, *after]
    cut = moved if forward else moved + 1
    stored(audit, first, both[:cut])
    stored(audit, second, both[cut:])
    verdict = broken(audit)["main"]
    assert verdict.seq == chain.first_of(first) + moved


@pytest.mark.parametrize("at", range(1, 4))
def test_segments_that_were_joined_or_parted_are_located(audit: Audit, at: int) -> None:
    first, second = keys(audit)[at : at + 2]
    joined = audit.copy()
    stored(joined, first, [*lines(audit, first), *lines(audit, second)])
    del joined.log.versions[second]
    assert broken(joined)["main"].seq == chain.first_of(second)
    records = lines(audit, first)
    stored(audit, first, records[:1])
    seq = chain.first_of(first) + 1
    stored(audit, chain.segment_key("main", seq), records[1:])
    assert broken(audit)["main"].seq == seq


def test_a_segment_of_another_stream_is_located(audit: Audit) -> None:
    (ours, *_), (theirs, *_) = keys(audit), keys(audit, "market-sim")
    audit.log.versions[ours] = audit.log.versions[theirs]
    assert broken(audit)["main"].seq == 1


def test_a_stream_that_was_copied_under_another_name_is_located(audit: Audit) -> None:
    for key in keys(audit):
        audit.log.versions[key.replace("/main/", "/second/")] = audit.log.versions[key]
    assert set(broken(audit)) == {"second"}
    head = msgspec.structs.replace(audit.views.tip("main").head, stream="second")
    audit.views.known["second"] = Tip(head=head)
    assert (broken(audit)["second"].kind, broken(audit)["second"].seq) == ("edited", 1)


def test_a_view_of_an_earlier_version_that_is_put_back_is_located(audit: Audit) -> None:
    earlier = audited(minutes=2, closed=[1])
    key = ("account#main", "books")
    audit.views.items[key] = earlier.views.items[key]
    assert "the view account#main books is not what its record says" in broken(audit)["main"].evidence


def test_the_views_of_one_account_under_the_name_of_another_are_located(audit: Audit) -> None:
    audit.views.items["account#second", "books"] = audit.views.items["account#main", "books"]
    assert "account#second books" in broken(audit)["second"].evidence


def test_everything_set_back_to_an_earlier_day_is_located_by_the_closed_day(audit: Audit) -> None:
    earlier = audited(minutes=2, closed=[])
    audit.log.versions, audit.views = earlier.log.versions, earlier.views
    verdicts = broken(audit)
    assert {(verdict.stream, verdict.kind) for verdict in verdicts.values()} == {
        ("main", "cut off"),
        ("market-sim", "cut off"),
    }
    assert all("closed day" in verdict.evidence for verdict in verdicts.values())


def hidden(audit: Audit, key: str) -> None:
    (audit.seals if key.startswith("seals/") else audit.log).put(key, None)


@pytest.mark.parametrize("key", [*SOUND.log.versions, *SOUND.seals.versions])
def test_a_delete_marker_on_anything_is_located(audit: Audit, key: str) -> None:
    hidden(audit, key)
    (verdict,) = broken(audit).values()
    assert (verdict.kind, verdict.segment) == ("shadowed", key)


class Another(Key256):
    """Another key than the stage's."""

    def sign(self, digest: bytes) -> bytes:
        return digest


def resealed(audit: Audit, sign: Callable[[Seal], str]) -> None:
    """All seals once more, linked as they should be, each with a signature of one's own."""
    before = None
    for key in sorted(audit.seals.versions):
        day = key.removeprefix("seals/").removesuffix(".json")
        made = msgspec.json.decode(audit.reports.pages[day].report, type=DayReport)
        body = seal(made, audit.reports.pages[day], before, Another())
        resealed_day = msgspec.structs.replace(opened_of(key, body), signature="")
        resealed_day = msgspec.structs.replace(resealed_day, signature=sign(resealed_day))
        audit.seals.versions[key] = [msgspec.json.encode(resealed_day, order="sorted")]
        before = next(stored_seal for stored_seal in audit.seals.history() if stored_seal.key == key)


def opened_of(key: str, body: bytes) -> Seal:
    from fanfold.audit.ports import StoredObject

    return decode_seal(StoredObject(key, body, ""))


@pytest.mark.parametrize(("sign", "what"), [
    (lambda _seal: "", "not signed"),
    (lambda _seal: b"another key's".hex(), "its signature is not that of the stage's key"),
    (lambda _seal: "no hex", "its signature is not that of the stage's key"),
], ids=["none", "another", "garbage"])  # fmt: skip
def test_days_that_were_all_sealed_anew_without_the_key_are_located(
    audit: Audit, sign: Callable[[Seal], str], what: str
) -> None:
    resealed(audit, sign)
    verdict = broken(audit)["reports"]
    assert (verdict.kind, verdict.seq) == ("edited", 1)
    assert what in verdict.evidence


def test_days_from_before_the_key_need_no_signature() -> None:
    audit = Audit()
    audit.signer, later = None, Key256(since=(START + timedelta(days=1)).date().isoformat())  # type: ignore[assignment]
    audit.record()
    audit.close(START.date().isoformat())
    audit.signer = later
    audit.close((START + timedelta(days=1)).date().isoformat())
    assert audit.broken() == []
    audit.signer = Key256(since=START.date().isoformat())
    assert broken(audit)["reports"].seq == 1
