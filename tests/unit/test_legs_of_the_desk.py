"""Signals and troubles are shown of the legs that the desk file has: nobody reports of one that left it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from fanfold import desk
from fanfold.audit.queries import signals_of
from fanfold.audit.views import View, as_stored, newest, views_of
from fanfold.cli.reading import leg_text, legs_of, unprotected_of
from fanfold.messages import LegCode, LegState, LegStatus, Message, Target, Targets
from support.core_desk import A, B, instance, raw

AT = datetime(2026, 3, 1, tzinfo=UTC)


def desk_with(**changes: Any) -> desk.Desk:
    return desk.build(
        raw() | {"strategies": {"trend": instance(**{"instruments": [A, B]} | changes)}}, "the test's desk"
    )


class Views:
    """The views that messages make, the newest of each place."""

    def __init__(self, *messages: Message) -> None:
        views = [view for seq, message in enumerate(messages, 1) for view in views_of(message, sent_ms=seq, seq=seq)]
        self._views = newest(views)

    @classmethod
    def having(cls, *views: View) -> "Views":
        made = cls()
        made._views = list(views)
        return made

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        places = (view for view in self._views if view.place[:2] == (kind.rstrip("#"), account))
        return [as_stored(view) for view in sorted(places, key=lambda view: view.place)]


def targets(minute: int, weights: dict[str, float], part: int = 1, parts: int = 1, name: str = "trend") -> Targets:
    wanted = [
        Target(signal_id=f"{instrument} {minute}", instance=name, instrument=instrument, timeframe="1m", weight=weight)
        for instrument, weight in weights.items()
    ]
    at = AT + timedelta(minutes=minute)
    return Targets(id=f"{minute} {part}", cause="b", at=at, account="main", poll_id=f"{minute}", part=part, parts=parts,
                   targets=wanted)  # fmt: skip


def shown(of: desk.Desk, *messages: Message) -> list[tuple[str, str, float]]:
    views: Any = Views(*messages)
    return [(row["instance"], row["instrument"], row["weight"]) for row in signals_of(views, of, "main")]


def test_a_leg_that_is_in_another_part_of_a_poll_than_before_has_its_newest_signal_alone() -> None:
    before = targets(1, {A: 1.0}, part=1, parts=2), targets(1, {B: 1.0}, part=2, parts=2)
    expected = [("trend", A, 0.5), ("trend", B, 0.0)]
    assert shown(desk_with(), *before, targets(2, {A: 0.5, B: 0.0})) == expected
    # In the first part's place again: the item of the second is the older one.
    assert shown(desk_with(), targets(0, {A: 1.0, B: 1.0}), *before) == [("trend", A, 1.0), ("trend", B, 1.0)]


def test_signals_of_what_left_the_desk_file_are_not_shown() -> None:
    messages = targets(1, {A: 1.0, B: 1.0}), targets(1, {A: 1.0}, name="gone")
    assert shown(desk_with(instruments=[A]), *messages) == [("trend", A, 1.0)]


def test_of_what_left_the_desk_file_only_an_orphan_is_a_trouble() -> None:
    states = [
        LegState(instance=name, instrument=instrument, code=code)
        for name, instrument, code in (
            ("trend", A, LegCode.NO_PRICE),
            ("trend", B, LegCode.WARMING_UP),
            ("gone", A, LegCode.FAULT),
            ("gone", B, LegCode.ORPHANED),
            ("bare", A, LegCode.UNPROTECTED),
        )
    ]
    status = LegStatus(id="s", cause="b", at=AT, account="main", statuses=states)
    session: Any = SimpleNamespace(views=Views(status), desk=desk_with(instruments=[A]))
    assert [(leg["instance"], leg["instrument"], leg["code"]) for leg in legs_of(session, "main")] == [
        ("gone", B, "ORPHANED"),
        ("trend", A, "NO_PRICE"),
    ]
    (bare,) = unprotected_of(session, "main")
    assert leg_text(bare) == f"bare {A}: has no stop at its venue (reported 03-01 00:00)"


def test_a_status_that_an_earlier_release_kept_ends_with_the_newest_of_its_service() -> None:
    def reported(minute: int, code: LegCode, was: LegCode | UnsetType = UNSET) -> LegStatus:
        state = LegState(instance="trend", instrument=A, code=code, was=was)
        return LegStatus(id="s", cause="b", at=AT + timedelta(minutes=minute), account="main", statuses=[state])

    def troubles(views: Views) -> list[str]:
        session: Any = SimpleNamespace(views=views, desk=desk_with())
        return [leg["code"] for leg in legs_of(session, "main")]

    # It had one place for a leg, whatever service reported.
    (kept,) = views_of(reported(1, LegCode.WARMING_UP), sent_ms=1, seq=1)
    earlier = msgspec.structs.replace(kept, place=("leg", "main", "trend", A))
    assert troubles(Views.having(earlier)) == ["WARMING_UP"]
    (ended,) = views_of(reported(9, LegCode.OK, was=LegCode.WARMING_UP), sent_ms=2, seq=2)
    assert troubles(Views.having(earlier, ended)) == []
    (of_risk,) = views_of(reported(9, LegCode.NO_PRICE), sent_ms=2, seq=2)
    assert troubles(Views.having(earlier, of_risk)) == ["NO_PRICE", "WARMING_UP"]
