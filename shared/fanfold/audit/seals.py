"""A closed day's seal: its report and the chains as they were when it was closed, signed, in the log's own bucket."""

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from fanfold.audit.chain import Head
from fanfold.audit.daily_report import DayReport
from fanfold.audit.ports import Pages, Reports, Seals, Signer, StoredObject
from fanfold.audit.verdict import Kind, Verdict
from fanfold.audit.walk import ChainFinding
from fanfold.errors import BadInput

REPORTS = "reports"
# What closed days have sealed: by stream and sequence number the day, and the head that the stream had.
Places = dict[str, dict[int, tuple[str, Head]]]


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of a day's report and page as stored, the ends of its chains, and the digest of the seal before.

    ``signature`` is a key's, in hex, over the digest of all else; "" where the stage has no key.
    """

    day: str
    report: str
    page: str
    chains: list[Head]
    previous: str
    signature: str = ""


def seal(report: DayReport, pages: Pages, before: StoredObject | None, signer: Signer | None) -> bytes:
    """Return the seal of a closed day, to be stored behind the one before it."""
    unsigned = Seal(
        day=report.day,
        report=_digest(pages.report),
        page=_digest(pages.page),
        chains=[Head(stream=chain.stream, seq=chain.records, hash=chain.hash) for chain in report.chains],
        previous=_digest(before.body) if before else "",
    )
    if signer is None:
        return _body(unsigned)
    signature = signer.sign(_signed_digest(unsigned)).hex()
    return _body(msgspec.structs.replace(unsigned, signature=signature))


def newest(seals: Seals, reports: Reports, signer: Signer | None, before: str) -> tuple[Seal | None, Verdict | None]:
    """Return the seal of the newest closed day before a day, None without one, and its fault, None for none."""
    kept = seals.newest(before)
    if kept is None:
        return None, None
    wrong = next(_fault_of(1, kept, reports.body(day_of(kept.key)), signer, before=None, signs=False), None)
    if wrong is not None:
        return None, _verdict(1, wrong)
    return decode_seal(kept), None


def verdict_of_days(seals: Seals, reports: Reports, signer: Signer | None) -> tuple[Verdict, Places]:
    """Return the verdict on all closed days, its ``seq`` counting from 1, and the places that sound ones sealed."""
    known: Places = {}
    findings: list[ChainFinding] = []
    stored, before, signs, count = reports.bodies(), "", False, 0
    for count, kept in enumerate(seals.history(), 1):
        pages = stored.pop(day_of(kept.key), Pages(b"", b""))
        wrong = list(_fault_of(count, kept, pages, signer, before, signs=signs))
        findings += wrong
        if not wrong:
            _note(known, decode_seal(kept))
        before, signs = _digest(kept.body), signs or b'"signature":""' not in kept.body
    unsealed = [f"reports/dt={day}/day.json" for day in sorted(stored)]
    findings += [ChainFinding(count + 1, "foreign", key, "no seal names it") for key in unsealed]
    return _verdict(count, findings[0] if findings else None), known


def decode_seal(kept: StoredObject) -> Seal:
    """Return the seal in an object. Raises BadInput where there is none."""
    try:
        return msgspec.json.decode(kept.body, type=Seal)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{kept.key} is no seal: {wrong}") from wrong


def day_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _fault_of(
    seq: int, kept: StoredObject, pages: Pages, signer: Signer | None, before: str | None, *, signs: bool
) -> Iterator[ChainFinding]:
    """Describe the fault of a seal or its report, None for none; ``before`` is the expected digest, None for any.

    A stage without a key signs nothing; one that ``signs`` goes on, as one does whose key is older than the day.
    """
    if kept.shadow:
        yield ChainFinding(seq, "shadowed", kept.key, kept.shadow)
    try:
        seal = decode_seal(kept)
    except BadInput as wrong:
        yield ChainFinding(seq, "edited", kept.key, str(wrong))
        return
    if seal.day != day_of(kept.key) or _body(seal) != kept.body:
        yield ChainFinding(seq, "edited", kept.key, "it is not as seals are written")
    if before is not None and seal.previous != before:
        yield ChainFinding(seq, "deleted", kept.key, "the seal before it is not the one that it names")
    if not seal.signature and (signs or (signer is not None and seal.day >= signer.since())):
        yield ChainFinding(seq, "edited", kept.key, "it is not signed, and the stage had its key by then")
    elif seal.signature and not _is_signed(seal, signer):
        yield ChainFinding(seq, "edited", kept.key, "its signature is not that of the stage's key")
    yield from _of_report(seq, seal, pages)


def _of_report(seq: int, seal: Seal, pages: Pages) -> Iterator[ChainFinding]:
    wanted = (("day.json", seal.report, pages.report), ("day.md", seal.page, pages.page))
    for name, digest, body in wanted:
        if digest != _digest(body):
            kind: Kind = "edited" if body else "deleted"
            yield ChainFinding(seq, kind, f"reports/dt={seal.day}/{name}", "its seal names another")


def _is_signed(seal: Seal, signer: Signer | None) -> bool:
    try:
        signature = bytes.fromhex(seal.signature)
    except ValueError:  # What is no hex is no signature.
        return False
    return signer is not None and signer.signed(_signed_digest(seal), signature)


def _note(known: Places, seal: Seal) -> None:
    for head in seal.chains:
        known.setdefault(head.stream, {})[head.seq] = seal.day, head


def _verdict(count: int, wrong: ChainFinding | None) -> Verdict:
    if wrong is None:
        return Verdict(stream=REPORTS, kind="sound", records=count)
    return Verdict(
        stream=REPORTS, kind=wrong.kind, records=count, seq=wrong.seq, segment=wrong.segment, evidence=wrong.evidence
    )


def _body(seal: Seal) -> bytes:
    return msgspec.json.encode(seal, order="sorted")


def _signed_digest(seal: Seal) -> bytes:
    return sha256(_body(msgspec.structs.replace(seal, signature=""))).digest()


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest() if body else ""
