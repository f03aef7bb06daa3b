"""Verify every chain against its head, the views and the closed days."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from fanfold.audit import chain as audit_chain
from fanfold.audit.chain import Head, Tip
from fanfold.audit.ports import AuditLog, Evidence, Reports, Seals, Signer
from fanfold.audit.seals import REPORTS, Places, verdict_of_days
from fanfold.audit.verdict import Verdict
from fanfold.audit.walk import ChainFinding, Expected, Hear, Key, Walk, digest, plain


class Days(NamedTuple):
    """The stores of the closed days' reports and seals."""

    seals: Seals
    reports: Reports
    signer: Signer | None


class Differing(NamedTuple):
    """A view that follows from the log and is stored otherwise, or not at all."""

    key: Key
    expected: Expected
    stored: dict[str, Any] | None


def verdicts_of(log: AuditLog, views: Evidence, days: Days | None = None, hear: Hear | None = None) -> list[Verdict]:
    """Return a verdict for each stream, by name, even one without log or head, then one for the closed days.

    ``hear`` is called with every record, those of venues first.
    """
    closed, known = verdict_of_days(*days) if days else (None, Places())
    walks: dict[str, Walk] = {}
    chains: dict[str, Verdict] = {}
    for tip in sorted(tips_of(log, views), key=lambda tip: not tip.head.stream.startswith("market-")):
        stream = tip.head.stream
        walks[stream] = Walk(tip, views, known.get(stream, {}), hear)
        chains[stream] = walks[stream].through(log, None)
    differing, strange = _compare_views(walks, views)
    verdicts = {
        stream: _verdict(chains[stream], walk, differing[stream], strange.pop(stream, []), views)
        for stream, walk in walks.items()
    }
    verdicts |= {stream: _unfounded_stream(stream, items) for stream, items in strange.items()}
    return [*(verdicts[stream] for stream in sorted(verdicts)), *([closed] if closed else [])]


def records_in(verdicts: Iterable[Verdict]) -> int:
    """Count the records of the chains."""
    return sum(verdict.records for verdict in verdicts if verdict.stream != REPORTS)


def verdict_of(tip: Tip, log: AuditLog, views: Evidence, since: tuple[str, Head] | None = None) -> Verdict:
    """Return the verdict on one stream, from where the newest closed day left it.

    Where the head is not beyond that, as after restoring the views from a backup, the whole stream is verified.
    """
    head = tip.head
    known = {since[1].seq: since} if since else {}
    behind = since is not None and (since[1].seq < head.seq or since[1] == head)
    walk = Walk(tip, views, known, None)
    chain = walk.through(log, since[1] if since and behind else None)
    stored = views.stored(list(walk.expected))
    differing = [
        Differing(key, expected, stored.get(key))
        for key, expected in walk.expected.items()
        if not _same(expected, stored.get(key)) and not _is_newer(stored.get(key), expected)
    ]
    return _verdict(chain, walk, differing, [], views)


def tips_of(log: AuditLog, views: Evidence) -> list[Tip]:
    """Return the tip of every stream, by name; a stream that has a log and no head has that of an empty one."""
    # Tips before logs: what is recorded meanwhile is not wrong.
    tips = {tip.head.stream: tip for tip in views.tips()}
    streams = sorted(tips.keys() | set(log.streams()))
    return [tips.get(stream, Tip(head=audit_chain.start(stream))) for stream in streams]


def _compare_views(
    walks: Mapping[str, Walk], views: Evidence
) -> tuple[dict[str, list[Differing]], dict[str, list[tuple[Key, dict[str, Any]]]]]:
    """Return the views that differ from those that follow from the logs, by stream, and those that follow from none."""
    wanted = {key: (stream, expected) for stream, walk in walks.items() for key, expected in walk.expected.items()}
    differing: dict[str, list[Differing]] = {stream: [] for stream in walks}
    strange: dict[str, list[tuple[Key, dict[str, Any]]]] = {}
    for key, item in views.everything():
        if key not in wanted:
            strange.setdefault(_stream_of(key, item), []).append((key, item))
            continue
        stream, expected = wanted.pop(key)
        if not _same(expected, item):
            differing[stream].append(Differing(key, expected, item))
    for key, (stream, expected) in wanted.items():
        differing[stream].append(Differing(key, expected, None))
    return differing, strange


def _verdict(
    chain: Verdict, walk: Walk, differing: list[Differing], strange: list[tuple[Key, dict[str, Any]]], views: Evidence
) -> Verdict:
    """Return the first of all faults. A fault within the log comes before one that a view shows."""
    tip = views.tip(chain.stream)
    if tip.head != walk.head or walk.pending:
        # Recorded while we looked: views may be newer than what was read.
        differing = [view for view in differing if not _is_newer(view.stored, view.expected)]
        strange = []
    if chain.kind == "sound" and tip.head == walk.head:
        walk.findings += _find_cut_off(walk, strange, views.flushed(chain.stream))
    firm = walk.findings + _of_chain(chain, walk, differing) + _find_rewritten(walk, differing)
    weak = [_of_view(view) for view in differing] + [_unfounded_view(key, item) for key, item in strange]
    for findings in (firm, weak):
        if findings:
            first = min(findings, key=lambda finding: finding.seq)
            return msgspec.structs.replace(
                chain, kind=first.kind, seq=first.seq, segment=first.segment, evidence=first.evidence, hash=""
            )
    return chain


def _of_chain(chain: Verdict, walk: Walk, differing: list[Differing]) -> list[ChainFinding]:
    if chain.kind == "sound":
        return []
    touched = {view.expected.seq for view in differing if view.expected.hash}
    ends = (chain.kind, chain.seq, chain.records) == ("edited", walk.head.seq, walk.head.seq - 1)
    if ends and chain.seq not in touched:
        return [
            ChainFinding(chain.seq, "head", chain.segment, "log and views agree on its last record, the head does not")
        ]
    return [ChainFinding(chain.seq, chain.kind, chain.segment)]


def _find_rewritten(walk: Walk, differing: list[Differing]) -> list[ChainFinding]:
    """Report where history was rewritten: from there on, no record has the hash that it had when it was recorded."""
    hashes = {view.expected.seq for view in differing if view.stored is not None and view.expected.hash
              and view.stored.get("hash") != view.expected.hash}  # fmt: skip
    rest = sorted((expected.seq for expected in walk.expected.values() if expected.hash), reverse=True)
    first = next((at for at, seq in enumerate(rest) if seq not in hashes), len(rest))
    if not first:
        return []
    seq = rest[first - 1]
    segment = next(expected.segment for expected in walk.expected.values() if expected.seq == seq)
    return [ChainFinding(seq, "forked", segment, "the views have other hashes from here on")]


def _find_cut_off(walk: Walk, strange: list[tuple[Key, dict[str, Any]]], flushed: int) -> list[ChainFinding]:
    """Report records of which only traces are left: neither the log nor the head has them."""
    beyond = [key[0] for key, item in strange if key[1] == "message" and _number(item.get("seq")) > walk.head.seq]
    if beyond:
        return [ChainFinding(walk.head.seq + 1, "cut off", "", f"{len(beyond)} views are of records beyond the head")]
    if flushed > walk.head.seq:
        return [ChainFinding(walk.head.seq + 1, "cut off", "", f"the lake has record {flushed}")]
    return []


def _of_view(view: Differing) -> ChainFinding:
    said = "is gone" if view.stored is None else "is not what its record says"
    return ChainFinding(view.expected.seq, "view", view.expected.segment, f"the view {' '.join(view.key)} {said}")


def _unfounded_view(key: Key, item: Mapping[str, Any]) -> ChainFinding:
    return ChainFinding(_number(item.get("seq")), "view", "", f"no record says what the view {' '.join(key)} does")


def _unfounded_stream(stream: str, items: list[tuple[Key, dict[str, Any]]]) -> Verdict:
    """Return the verdict on a stream of which there are views alone."""
    first = _unfounded_view(*items[0])
    return Verdict(stream=stream, kind="view", records=0, seq=first.seq, evidence=first.evidence)


def _same(expected: Expected, stored: dict[str, Any] | None) -> bool:
    return stored is not None and digest(plain(stored)) == expected.digest


def _is_newer(stored: dict[str, Any] | None, expected: Expected) -> bool:
    return stored is not None and not expected.hash and str(stored.get("view_version", "")) > expected.version


def _stream_of(key: Key, item: Mapping[str, Any]) -> str:
    """Return the stream of a view: the folder of its segment, or the account in its key."""
    folder = str(item.get("segment", "")).split("/")
    return folder[1] if len(folder) > 2 else key[0].split("#")[1] if "#" in key[0] else key[0]


def _number(value: object) -> int:
    whole = plain(value)
    return whole if isinstance(whole, int) else 0
