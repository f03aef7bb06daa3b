"""A small desk's audit in memory: chains, views, closed days; everything in it can be tampered with."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from audit_service.record import Arrival, record
from audit_service.report import Findings, report
from fanfold import messages
from fanfold.audit import chain
from fanfold.audit.chain import Head, Tip
from fanfold.audit.daily_report import DayReport
from fanfold.audit.ports import Pages, StoredObject
from fanfold.audit.verdict import Verdict
from fanfold.audit.verify import Days, verdicts_of
from fanfold.audit.views import View, as_stored
from fanfold.aws.dynamodb.views import key_of
from fanfold.codes import Code
from fanfold.errors import AT_ONCE, Conflict
from fanfold.market.bars import Bar, Series, pack
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from support.order_messages import fill_of, update_of
from support.stage_key import Key256

START = datetime(2026, 1, 31, 23, 58, tzinfo=UTC)
Key = tuple[str, str]


class Objects:
    """Objects by key, each with its versions, the oldest first; None is a deletion."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes | None]] = {}

    def create(self, key: str, body: bytes) -> bool:
        if self.versions.get(key, [None])[-1] is not None:
            return False
        self.put(key, body)
        return True

    def put(self, key: str, body: bytes | None) -> None:
        self.versions.setdefault(key, []).append(body)

    def read(self, key: str) -> bytes:
        body = self.versions[key][-1]
        assert body is not None
        return body

    def kept(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.versions):
            if key.startswith(prefix) and key > after:
                bodies = [body for body in self.versions[key] if body is not None]
                deletions = len(self.versions[key]) - len(bodies)
                shadow = f"{len(bodies)} versions" if len(bodies) > 1 or deletions else ""
                yield StoredObject(key, bodies[0] if bodies else b"", shadow)


class MemoryLog(Objects):
    """See fanfold.audit.ports.AuditLog."""

    def streams(self) -> list[str]:
        return sorted({key.split("/")[1] for key in self.versions})

    def segments(self, stream: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
        return ((stored_segment.key, self.read(stored_segment.key)) for stored_segment in self.history(stream, after))

    def history(self, stream: str, after: int = 0) -> Iterator[StoredObject]:
        return self.kept(f"chain/{stream}/", chain.segment_key(stream, after))


class MemoryViews:
    """See fanfold.audit.ports.Views and Evidence."""

    def __init__(self) -> None:
        self.known: dict[str, Tip] = {}
        self.items: dict[Key, dict[str, Any]] = {}
        self.cursors: dict[str, int] = {}

    def tips(self) -> list[Tip]:
        return list(self.known.values())

    def tip(self, stream: str) -> Tip:
        return self.known.get(stream, Tip(head=chain.start(stream)))

    def seen(self, ids: Sequence[str]) -> dict[str, int]:
        items = {message_id: self.items.get(key_of(("message", message_id))) for message_id in ids}
        return {message_id: item["seq"] for message_id, item in items.items() if item}

    def promise(self, tip: Tip, last_hash: str) -> None:
        now = self._unmoved(tip.head)
        self.known[tip.head.stream] = msgspec.structs.replace(now, promised=(*now.promised, last_hash))

    def set_aside(self, tip: Tip, aside: str) -> None:
        self.known[tip.head.stream] = msgspec.structs.replace(self._unmoved(tip.head), aside=aside)

    def commit(self, before: Head, after: Head) -> None:
        self._unmoved(before)
        self.known[after.stream] = Tip(head=after)

    def _unmoved(self, head: Head) -> Tip:
        now = self.tip(head.stream)
        if now.head != head:
            raise Conflict(head.stream)
        return now

    def note(self, views: Sequence[View]) -> None:
        self.items |= {key_of(view.place): as_stored(view) for view in views}

    def put(self, view: View) -> None:
        before = self.items.get(key_of(view.place))
        if before is None or before["view_version"] < view.version:
            self.note([view])

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        return self.items.get(key_of(place), {})

    def aside(self, stream: str, after: int) -> dict[int, str]:
        segments = {int(key[1]): item["segment"] for key, item in self.items.items() if key[0] == f"aside#{stream}"}
        return {first: segment for first, segment in segments.items() if first > after}

    def flushed(self, stream: str) -> int:
        return self.cursors.get(stream, 0)

    def key(self, place: tuple[str, ...]) -> Key:
        return key_of(place)

    def stored(self, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        return {key: self.items[key] for key in keys if key in self.items}

    def everything(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        return iter(list(self.items.items()))


class MemorySeals(Objects):
    """See fanfold.audit.ports.Seals."""

    def is_sealed(self, day: str) -> bool:
        return f"seals/{day}.json" in self.versions

    def newest(self, before: str) -> StoredObject | None:
        return next(
            (stored_seal for stored_seal in reversed(list(self.history())) if stored_seal.key < f"seals/{before}.json"),
            None,
        )

    def store(self, day: str, body: bytes) -> bytes:
        self.create(f"seals/{day}.json", body)
        return self.read(f"seals/{day}.json")

    def history(self) -> Iterator[StoredObject]:
        return self.kept("seals/")


class MemoryReports:
    """See fanfold.audit.ports.Reports, as far as sealing and verifying go."""

    def __init__(self) -> None:
        self.pages: dict[str, Pages] = {}

    def store(self, made: DayReport) -> DayReport:
        self.pages.setdefault(made.day, Pages(msgspec.json.encode(made), b""))
        return msgspec.json.decode(self.pages[made.day].report, type=DayReport)

    def show(self, made: DayReport, page: str) -> None:
        self.pages[made.day] = self.pages[made.day]._replace(page=page.encode())

    def stored(self, day: str) -> bytes:
        return self.pages[day].report

    def body(self, day: str) -> Pages:
        return self.pages.get(day, Pages(b"", b""))

    def bodies(self) -> dict[str, Pages]:
        return dict(self.pages)


class Audit:
    """All that audit keeps of a desk."""

    def __init__(self) -> None:
        self.log, self.views = MemoryLog(), MemoryViews()
        self.seals, self.reports, self.signer = MemorySeals(), MemoryReports(), Key256()

    def record(self, *more_messages: Message) -> None:
        arrivals = [Arrival(message, msgspec.json.decode(messages.encode(message)), 1) for message in more_messages]
        record(arrivals, self.log, self.views, AT_ONCE)

    def close(self, day: str) -> None:
        """Close a day as the daily close does, its chains where they are now."""
        chains = [
            msgspec.to_builtins(Verdict(stream=tip.head.stream, kind="sound", records=tip.head.seq, hash=tip.head.hash))
            for tip in self.views.tips()
        ]
        findings = Findings(day=day, compacted={"days": 1}, chains=chains, accounts=[])
        report(findings, self.reports, self.seals, self.signer)  # type: ignore[arg-type]

    def verdicts(self) -> dict[str, Verdict]:
        days = Days(self.seals, self.reports, self.signer)  # type: ignore[arg-type]
        return {verdict.stream: verdict for verdict in verdicts_of(self.log, self.views, days)}

    def broken(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts().values() if verdict.kind != "sound"]

    def copy(self) -> "Audit":
        """Another one that can be tampered with; of views only those that ``view`` gave."""
        other = Audit()
        other.log.versions = {key: list(versions) for key, versions in self.log.versions.items()}
        other.seals.versions = {key: list(versions) for key, versions in self.seals.versions.items()}
        other.views.known, other.views.items = dict(self.views.known), dict(self.views.items)
        other.reports.pages = dict(self.reports.pages)
        return other

    def view(self, key: Key) -> dict[str, Any]:
        """A view's item, to be changed."""
        self.views.items[key] = deepcopy(self.views.items[key])
        return self.views.items[key]

    def lines(self, stream: str) -> list[bytes]:
        return [line for _, body in self.log.segments(stream) for line in chain.lines_of(body)]

    def hash_at(self, stream: str, seq: int) -> str:
        return sha256(self.lines(stream)[seq - 1]).hexdigest()


def audited(minutes: int = 4, closed: Sequence[int] = (1, 2)) -> Audit:
    """An account and a venue that traded for some minutes; days are closed after some of them."""
    audit = Audit()
    audit.record(_halt())
    for n in range(minutes):
        audit.record(*minute(n))
        if n in closed:
            audit.close((START + timedelta(days=n)).date().isoformat())
    return audit


def minute(n: int) -> list[Message]:
    at = START + timedelta(minutes=n)
    common: dict[str, Any] = {"at": at, "account": "main"}
    target = Target(signal_id=f"s{n}", instance="trend", instrument="A", timeframe="1m", weight=0.5)
    series = Series(
        instrument="A",
        timeframe="1m",
        price_scale=2,
        volume_scale=0,
        after=0,
        bars=[Bar(int(at.timestamp()), 100, 110, 90, 105, 7)],
    )
    refusal = Refusal(order=_order(n, "refused"), code=Code.CASH, detail="no cash")
    return [
        BarsClosed(id=f"bars-{n}", cause="poll", at=at, venue="sim", frames=pack([series])),
        Targets(id=f"targets-{n}", cause=f"bars-{n}", poll_id="b", targets=[target], **common),
        OrdersApproved(id=f"approved-{n}", cause=f"targets-{n}", orders=[_order(n, "o")], **common),
        OrdersRefused(id=f"refused-{n}", cause=f"targets-{n}", refusals=[refusal], **common),
        _report(n, at),
    ]


def _halt() -> TradingStateChanged:
    return TradingStateChanged(
        id="open", cause="x", at=START, account="main", state=TradingState.ACTIVE, reason="opened", actor="a"
    )


def _order(n: int, name: str) -> Order:
    at = START + timedelta(minutes=n)
    return Order(
        order_id=f"{name}{n}",
        client_order_id=f"c{n}",
        signal_id=f"s{n}",
        account="main",
        venue="sim",
        instance="trend",
        instrument="A",
        side="buy",
        kind="market",
        quantity=Decimal("0.10"),
        reference_price=Decimal(100),
        reserved=Decimal(11),
        decided_at=at,
        expires_at=at + timedelta(minutes=5),
    )


def _report(n: int, at: datetime) -> ExecutionReport:
    own, quantity = _order(n, "o"), Decimal("0.1")
    fill = fill_of(own, trade_id=f"t{n}", quantity=quantity, fee=Decimal("0.01"), at=at)
    holding = PositionSnapshot(
        instance="trend",
        instrument="A",
        quantity=quantity * (n + 1),
        cost=Decimal(10 * (n + 1)),
        realised=Decimal(0),
        fees=Decimal("0.01"),
        version=n + 1,
    )
    return ExecutionReport(
        id=f"report-{n}",
        cause=f"approved-{n}",
        at=at,
        account="main",
        venue="sim",
        matched=True,
        updates=[update_of(own, filled=quantity)],
        fills=[fill],
        positions=[holding],
        cash=Decimal(1000 - n),
        version=n + 1,
    )
