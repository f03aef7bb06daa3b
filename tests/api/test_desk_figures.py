"""Limits, refusals, system and research over HTTP."""

from decimal import Decimal

import msgspec
import pytest

from fanfold.api.system_schemas import Alarm, DeadLetter, ResearchRun
from fanfold.audit.daily_report import DayReport, Fault
from fanfold.audit.verdict import Verdict
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollPart
from support.api_desk import NOW, ORDERS, A, World


def limits_of(world: World, account: str) -> dict[str, dict]:
    (body,) = [each for each in world.get("/limits").body["accounts"] if each["account"] == account]
    return {limit["limit"]: limit for limit in body["limits"]}


def test_limits_are_those_of_the_ledger_at_the_moment_of_asking(world):
    answer = world.get("/limits", "account=main")
    (main,) = answer.body["accounts"]
    assert (answer.status, answer.headers["fanfold-clock"]) == (200, NOW.isoformat())
    assert (main["trading_state"], main["equity"], main["currency"]) == ("ACTIVE", "10000", "USDT")
    gross = limits_of(world, "main")["gross_max"]
    assert (Decimal(gross["most"]), Decimal(gross["used"]), Decimal(gross["left"])) == (10_000, 0, 10_000)


def test_an_account_that_was_never_opened_has_no_limits_in_use(world):
    (spare,) = world.get("/limits", "account=spare").body["accounts"]
    assert (spare["trading_state"], spare["limits"], spare["equity"]) == ("not opened", [], None)


def test_prices_are_told_with_the_close_of_their_bar(world):
    marks, closed = {A: Mark(price=Decimal(100), closes_at_s=int(NOW.timestamp()) - 30)}, "2026-03-01T11:59:30Z"
    DynamoPolls(world.ledger).marked("main", PollPart(poll_id="p", at=1, part=1, parts=1), marks, 0, idle=True)
    (main,) = world.get("/limits", "account=main").body["accounts"]
    assert main["marks"] == [{"instrument": A, "price": "100", "closed_at": closed}]


@pytest.mark.parametrize("path", ["/limits", "/refusals"])
def test_an_unknown_account_is_named(world, path):
    answer = world.get(path, "account=other")
    assert (answer.status, answer.body["detail"]) == (404, "account 'other' is not in the desk")


def test_refusals_are_counted_by_reason_with_the_last_of_each(traded):
    body = traded.get("/refusals").body
    (notional,) = body["refusals"]
    refused = traded.get("/orders", "refused=true&limit=100").body["orders"]
    assert (body["decided"], body["since"]) == (ORDERS, "2026-03-01T12:00:00Z")
    assert (notional["code"], notional["count"], notional["detail"]) == ("ORDER_NOTIONAL", len(refused), "too large")
    assert "order_notional_max" in notional["about"]
    assert notional["order_id"] in {order["order_id"] for order in refused}


def test_a_desk_without_orders_has_no_refusals(world):
    assert world.get("/refusals").body == {"decided": 0, "since": None, "refusals": []}


def test_the_system_tells_queues_chains_and_what_is_absent_with_its_reason(world):
    body = world.get("/system").body
    assert [queue["service"] for queue in body["queues"]] == ["market-data", "signal", "risk", "execution", "audit"]
    assert (body["stage"], body["alarms"], body["closed"]) == ("test", [], None)
    assert set(body["absent"]) == {"queue_age", "alarms", "closed"}


def test_the_newest_close_is_told_with_its_faults(world):
    chains = [Verdict(stream="main", kind="sound", records=3), Verdict(stream="market", kind="edited", records=2)]
    failed = DayReport(day="2026-02-28", compacted=0, chains=chains, accounts=[],
                       faults=[Fault(step="verify", error="ChainBroken", cause="x")])  # fmt: skip
    world.watched.report = failed, False
    world.watched.ringing = [Alarm(name="n", about="a", state="ALARM", reason="r", since=NOW)]
    body = world.get("/system").body
    assert body["closed"] == {"day": "2026-02-28", "state": "failed", "sound": False, "sealed": False,
                              "faults": ["verify: ChainBroken"]}  # fmt: skip
    world.watched.report = msgspec.structs.replace(failed, faults=[], chains=chains[:1]), True
    closed = world.get("/system").body
    assert (closed["closed"]["state"], closed["closed"]["sound"], closed["closed"]["sealed"]) == ("closed", True, True)
    assert set(closed["absent"]) == {"queue_age"}


def test_dead_letters_are_told_without_their_bodies(world):
    world.watched.letters = [DeadLetter(service="risk", message_id="m", reason="no JSON", sent_at=NOW, receives=1)]
    (letter,) = world.get("/system").body["dead_letters"]
    assert set(letter) == {"service", "message_id", "reason", "sent_at", "receives"}


def test_sweeps_of_the_lake_are_listed_and_not_ranked(world):
    assert world.get("/research").body["why"]
    world.watched.runs = [ResearchRun(run="sweep-1", kind="sweep", strategy="sma_cross", trials=9)]
    assert [run["run"] for run in world.get("/research", "strategy=sma_cross").body["runs"]] == ["sweep-1"]
    assert world.get("/research", "strategy=pairs").body["runs"] == []
    refused = world.get("/research", "rank=sharpe")
    assert refused.status == 400
    assert "fanfold sweep" in refused.body["detail"]
