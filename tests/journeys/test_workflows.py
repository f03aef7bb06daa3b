"""The daily close and the back-fill, deployed to the embedded AWS: what they do, and whom they tell of a failure."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fanfold.deployment import STAGE
from fanfold.ids import derive
from fanfold.local.driver import invoke
from fanfold.local.launcher import REGION
from fanfold.market.bars import unpack
from fanfold.messages import BarsClosed
from support.alarms import ACCOUNT_ID, Alarms
from support.trading import Desk, Outcome, planned, replayed, trade

MINUTES = 40
LAKE = f"fanfold-{STAGE}-lake"


def ran(desk: Desk, machine: str, execution_input: dict[str, Any]) -> dict[str, Any]:
    """An execution that has ended."""
    call = desk.cloud.call()
    arn = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:fanfold-{STAGE}-{machine}"
    started = call("stepfunctions", "StartExecution", {"stateMachineArn": arn, "input": json.dumps(execution_input)})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        execution: dict[str, Any] = call(
            "stepfunctions", "DescribeExecution", {"executionArn": started["executionArn"]}
        )
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)
    raise AssertionError(f"{machine} did not end")


def objects(desk: Desk, bucket: str, prefix: str) -> dict[str, bytes]:
    call = desk.cloud.call()
    listed = call("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": prefix}).get("Contents", [])
    keys = [item["Key"] for item in listed]
    return {key: call("s3", "GetObject", {"Bucket": bucket, "Key": key})["Body"] for key in keys}


def due(desk: Desk) -> tuple[str, dict[str, str]]:
    """The day that was traded, and the input of the close that is scheduled after it."""
    day = datetime.fromtimestamp(desk.plan.start, UTC).replace(hour=0, minute=0, second=0)
    scheduled = day + timedelta(days=1, minutes=20)
    desk.run.set_clock(scheduled.timestamp())
    return day.date().isoformat(), {"time": scheduled.isoformat().replace("+00:00", "Z")}


def edit_a_segment(desk: Desk) -> None:
    bucket = f"fanfold-{STAGE}-audit"
    key, body = next(iter(objects(desk, bucket, "chain/main/").items()))
    desk.cloud.call()("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": body.replace(b'"main"', b'"mine"', 1)})


def change_the_books(desk: Desk) -> None:
    desk.cloud.call()(
        "dynamodb",
        "UpdateItem",
        {
            "TableName": f"fanfold-{STAGE}-views",
            "Key": {"pk": {"S": "account#main"}, "sk": {"S": "books"}},
            "UpdateExpression": "SET cash = :cash",
            "ExpressionAttributeValues": {":cash": {"S": "1.23"}},
        },
    )


def test_the_day_is_closed_once_however_often_its_time_comes(deployed: Path, tmp_path: Path) -> None:
    result: dict[str, Any] = {}

    def act(desk: Desk) -> None:
        replayed(desk)
        desk.run.finish()
        alarms, (day, execution_input) = Alarms(desk.cloud), due(desk)
        first = ran(desk, "daily-close", execution_input)
        kept = objects(desk, LAKE, "reports/")
        second = ran(desk, "daily-close", execution_input)
        again = invoke(
            desk.run.call, "audit", "report", {"day": day, "compacted": {"days": 9}, "chains": [], "accounts": []}
        )
        result.update(
            day=day,
            first=first,
            second=second,
            kept=kept,
            later=objects(desk, LAKE, "reports/"),
            alarms=alarms.messages(),
            again=again,
            lake=objects(desk, LAKE, f"trades/dt={day}"),
        )

    outcome = trade(tmp_path / "state", deployed, planned(MINUTES), act, SFN_WAIT_SCALE="0")
    assert (result["first"]["status"], result["second"]["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert result["alarms"] == []
    assert set(result["kept"]) == {f"reports/dt={result['day']}/day.{kind}" for kind in ("json", "md")}
    assert result["later"] == result["kept"]
    assert json.loads(result["second"]["output"]).keys() == {"time", "agenda"}
    report = json.loads(result["kept"][f"reports/dt={result['day']}/day.json"])
    assert report["faults"] == []
    assert {chain["kind"] for chain in report["chains"]} == {"sound"}
    assert all(len(chain["hash"]) == 64 for chain in report["chains"])
    assert sum(account["trades"] for account in report["accounts"]) == len(outcome.fills) > 0
    assert list(result["lake"]) == [f"trades/dt={result['day']}/day.parquet"]


# Books that were changed are not what the log says, and not what the fills make.
VERIFY, RECONCILE = ("verify", "ChainBroken"), ("reconcile", "BooksDiffer")


@pytest.mark.parametrize(("harm", "faults"), [(edit_a_segment, [VERIFY]), (change_the_books, [VERIFY, RECONCILE])])
def test_a_day_that_does_not_add_up_alarms_and_is_not_closed(deployed, tmp_path, harm, faults) -> None:
    result: dict[str, Any] = {}

    def act(desk: Desk) -> None:
        replayed(desk)
        desk.run.finish()
        alarms, (day, execution_input) = Alarms(desk.cloud), due(desk)
        harm(desk)
        result.update(day=day, end=ran(desk, "daily-close", execution_input), alarms=alarms.messages())
        result["kept"] = objects(desk, LAKE, "reports/")

    trade(tmp_path / "state", deployed, planned(MINUTES), act, SFN_WAIT_SCALE="0")
    assert (result["end"]["status"], result["end"]["error"]) == ("FAILED", "NotClosed")
    assert set(result["kept"]) == {f"reports/dt={result['day']}/failed.{kind}" for kind in ("json", "md")}
    (message,) = result["alarms"]
    assert [(fault["step"], fault["error"]) for fault in json.loads(message["Message"])["faults"]] == faults
    assert message["Subject"] == f"Fanfold {STAGE}: the day is not closed"


def filled(outcome: Outcome, ids: set[str]) -> dict[str, list[int]]:
    """Closes of the bars that messages with these causes brought, by instrument."""
    brought = [closed for closed in outcome.messages if isinstance(closed, BarsClosed) and closed.cause in ids]
    assert all(closed.requested for closed in brought)
    series = [bars_of_symbol for message in brought for bars_of_symbol in unpack(message.frames)]
    return {bars_of_symbol.instrument: [bar.closes_at_s for bar in bars_of_symbol.bars] for bars_of_symbol in series}


def test_a_span_is_filled_for_each_symbol_and_missing_ones_alarm(deployed, tmp_path) -> None:
    result: dict[str, Any] = {}
    plan = planned(MINUTES)
    venue, traded = next(iter(plan.desk.venues.items()))
    since, until = plan.start, plan.start + 20 * 60
    span = {"venue": venue, "timeframe": "1m", "since": since, "until": until}

    def act(desk: Desk) -> None:
        replayed(desk)
        desk.run.finish()
        alarms = Alarms(desk.cloud)
        result["filled"] = ran(desk, "back-fill", span | {"instruments": traded.symbols[:2]})
        result["alarms"] = alarms.messages()
        result["half"] = ran(desk, "back-fill", span | {"instruments": [traded.symbols[2], "NOPE/USDT"]})
        result["alarms of half"] = alarms.messages()
        assert desk.cloud.wait_until_quiet(timeout_s=30)

    outcome = trade(tmp_path / "state", deployed, plan, act, SFN_WAIT_SCALE="0")
    assert result["filled"]["status"] == "SUCCEEDED", result["filled"]
    assert result["alarms"] == []
    expected = [{"instrument": symbol, "filled": True} for symbol in traded.symbols[:2]]
    assert json.loads(result["filled"]["output"])["found"] == expected
    ids = {"requested/" + derive("back-fill", venue, symbol, "1m", since, until) for symbol in traded.symbols}
    closes = list(range(since + 60, until + 1, 60))
    assert filled(outcome, ids) == dict.fromkeys(traded.symbols[:3], closes)
    assert (result["half"]["status"], result["half"]["error"]) == ("FAILED", "NotComplete")
    (message,) = result["alarms of half"]
    assert message["Subject"] == f"Fanfold {STAGE}: a back-fill is not complete"
    done, left = json.loads(message["Message"])
    assert done == {"instrument": traded.symbols[2], "filled": True}
    assert {key: left[key] for key in ("instrument", "since", "filled", "error")} == {
        "instrument": "NOPE/USDT", "since": since, "filled": False, "error": "BadInput",
    }  # fmt: skip
    assert "NOPE/USDT" in left["cause"]
