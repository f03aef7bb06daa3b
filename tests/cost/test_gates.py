"""The ceilings of a month at list price, each under its profile; and the bill's formulae by hand."""

import re
from decimal import Decimal

import msgspec
import pytest

from fanfold.aws.telemetry.metrics import ALARMING
from fanfold.cli import cost_files
from fanfold.cost import durations, templates
from fanfold.cost.bill import IMAGE_VERSIONS, SILENT, bill
from fanfold.cost.days import Activity, Day
from fanfold.cost.prices import REGION
from fanfold.cost.scenarios import SCENARIOS
from fanfold.cost.templates import BilledFunction, Stacks
from fanfold.stages import pushing
from support import packaged_stages

# As tests/deploy packages them.
PACKAGED = {"full": "dev", "lean": "lean"}
ONE = BilledFunction(
    memory_mb=256, traced=False, platform_lines=False, pollers=0, ordered=True, window_s=0, runs_a_month=0, metrics=[]
)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_month_stays_below_its_ceiling(name):
    scenario = SCENARIOS[name]
    month = bill(scenario.equipped(cost_files.recorded_stacks(scenario.profile)), cost_files.day(name))
    assert month.listed <= scenario.ceiling, f"{name} under {scenario.profile}"


@pytest.mark.parametrize("profile", PACKAGED)
def test_the_recorded_stacks_are_those_that_are_packaged_now(profile):
    packaged = templates.read(packaged_stages.templates(PACKAGED[profile]).values())
    assert packaged == cost_files.recorded_stacks(profile), "run tests/cost/record.py, then make documents"


def test_a_live_desk_reads_its_venue_secrets_at_most_once_an_order_and_minute():
    live = SCENARIOS["arbitrage"].equipped(stacks())
    assert line(bill(live, day(orders=10)), "key-call").quantity == 300
    assert SCENARIOS["ten"].equipped(stacks()) == stacks()


def stacks(**more):
    known = Stacks(
        functions={"signal/fold": ONE}, pieces={}, key_calls=0, keyed=[], schedules=0, transitions=0, alarm_metrics=[]
    )
    return msgspec.structs.replace(known, **more)


def day(**more):
    fold = Activity(
        invocations=1_440,
        received=1_440,
        deletes=1_440,
        bars=14_400,
        calls={"dynamodb PutItem": 1_440, "sns Publish": 1_440},
        units={"dynamodb-write": Decimal(4_320), "sns-request": Decimal(1_440)},
        keys={"dynamodb": 288, "sns": 288},
    )
    known = Day(
        scenario="hand",
        minutes=1_440,
        orders=0,
        venues=[1],
        metric_hours={},
        stored={},
        passing={},
        functions={"signal/fold": fold},
    )
    return msgspec.structs.replace(known, **more)


def line(month, item):
    (entry,) = [entry for entry in month.lines if entry.item == item]
    return entry


def test_the_bill_of_a_day_equals_one_computed_by_hand():
    # 43,200 invocations a month; a receive and a delete each: 86,400 requests * 0.50 $ / 1,000,000 = 0.0432 $.
    # 3 write units each: 129,600 * 0.705 $ / 1,000,000 = 0.091368 $.
    month = bill(stacks(), day())
    assert line(month, "lambda-request").quantity == 43_200
    assert line(month, "sqs-request").listed == Decimal("0.0432")
    assert line(month, "dynamodb-write").listed == Decimal("0.091368")
    assert line(month, "sqs-request").after_free == 0


def test_a_secret_is_read_at_most_once_an_order_and_once_a_minute():
    # 10 orders a day, 300 a month; of 2,000 in a day's 1,440 minutes, 43,200.
    kept = stacks(pieces={"secret": 1})
    assert line(bill(kept, day(orders=10)), "secret-call").quantity == 300
    assert line(bill(kept, day(orders=2_000)), "secret-call").quantity == 43_200


def test_a_standard_queue_costs_four_fifths_of_a_fifo_one():
    # The same 86,400 requests * 0.40 $ / 1,000,000, and two pollers' 259,200 empty polls of 20 s.
    standard = {"signal/fold": msgspec.structs.replace(ONE, ordered=False, pollers=2)}
    month = bill(stacks(functions=standard), day())
    assert line(month, "sqs-standard-request").listed == Decimal("0.03456")
    assert line(month, "sqs-standard-idle").listed == Decimal("0.10368")


def test_encrypted_tables_and_topics_call_the_key_for_each_caller():
    # A function at one table and one topic all day: a data key every five minutes, 288 a day, 8,640 a month each; the
    # topic's is made and opened again, which is two.
    assert line(bill(stacks(keyed=["dynamodb"]), day()), "key-call").quantity == 8_640
    assert line(bill(stacks(keyed=["dynamodb", "sns"]), day()), "key-call").quantity == 8_640 + 17_280
    # A secret is opened as often as it is read: 10 orders a day, 300 a month.
    secret = stacks(pieces={"secret": 1}, keyed=["secretsmanager"])
    assert line(bill(secret, day(orders=10)), "key-call").quantity == 300


def test_a_query_lists_each_day_of_the_stage_in_both_tables():
    # 60 questions a month of two tables: 120 LISTs a day of the stage, 3,600 after one month, 43,200 after a year.
    assert line(bill(stacks(), day()), "s3-put").quantity == 3_600
    assert line(bill(stacks(), day(), 12), "s3-put").quantity == 43_200


def test_a_key_costs_more_after_each_of_its_first_two_rotations():
    keyed = stacks(pieces={"key": 1})
    assert [line(bill(keyed, day(), months), "key").quantity for months in (1, 12, 24, 36)] == [1, 2, 3, 3]


def test_a_metric_absent_on_a_good_day_is_free_only_if_it_counts_incidents():
    functions = {"signal/fold": msgspec.structs.replace(ONE, metrics=["Refusals", *sorted(SILENT)])}
    assert line(bill(stacks(functions=functions), day()), "metric").listed == Decimal("0.3")
    assert {*ALARMING, "Attention"} == SILENT


def test_a_repository_keeps_as_many_images_of_a_stage_as_are_billed():
    text = (packaged_stages.ROOT / "shared/stacks/account/bootstrap.yml").read_text()
    assert set(re.findall(r'"tagPrefixList".*?"countNumber": (\d+)', text)) == {str(IMAGE_VERSIONS)}
    assert IMAGE_VERSIONS == pushing.KEPT


def test_the_prices_are_those_of_the_region_that_stages_are_in_by_default():
    for file in ("serverless.yml", "shared/stacks/provider.yml"):
        assert f"${{env:AWS_REGION, '{REGION}'}}" in (packaged_stages.ROOT / file).read_text()


def test_the_apis_readers_wake_its_function():
    # 15,000 a month, traced where the profile does, each as long as is assumed of what was not recorded.
    reading = {"audit/api": msgspec.structs.replace(ONE, traced=True)}
    month = bill(stacks(functions=reading), day())
    assert line(month, "trace").quantity == line(month, "lambda-request").quantity == 15_000


def test_gb_seconds_equal_those_computed_by_hand():
    # Two calls of 6 and 20 ms, the runtime's 2: 28. CPU 2 * 0.2 + 10 * 0.02 + 0.15 = 0.75 at a whole core; at 1,769 MB
    # that is what it takes: 28.75.
    activity = day().functions["signal/fold"]
    function = msgspec.structs.replace(ONE, memory_mb=1_769)
    assert durations.invocation_ms(activity, function, "signal/fold", [1]) == Decimal("28.75")
    # A poll waits for 9 requests at one venue, 8 side by side, and then for 1 at another: 3 * 250.
    assert durations.venue_ms([9, 1]) == 750


def test_a_metric_is_paid_for_in_the_hours_that_it_has():
    # 24 and 6 hours of 24: 1.25 metrics * 0.30 $ = 0.375 $; told to write one of them alone, 0.30 $.
    of_day = day(metric_hours={"Bars": 25, "Orders": 6})
    every = {"signal/fold": msgspec.structs.replace(ONE, metrics=None)}
    assert line(bill(stacks(functions=every), of_day), "metric").listed == Decimal("0.375")
    functions = {"signal/fold": msgspec.structs.replace(ONE, metrics=["Bars"])}
    assert line(bill(stacks(functions=functions), of_day), "metric").listed == Decimal("0.3")


def test_a_traced_function_pays_for_a_trace_an_invocation():
    traced = {"signal/fold": msgspec.structs.replace(ONE, traced=True)}
    # 43,200 * 5 $ / 1,000,000; below the 100,000 that are free.
    assert line(bill(stacks(functions=traced), day()), "trace").listed == Decimal("0.216")
    assert line(bill(stacks(functions=traced), day()), "trace").after_free == 0


def test_a_changed_schedule_replaces_the_recorded_one():
    slower = {"signal/fold": msgspec.structs.replace(ONE, runs_a_month=8_640)}
    assert line(bill(stacks(functions=slower), day()), "lambda-request").quantity == 8_640


def test_half_a_day_counts_twice_and_a_year_of_records_twelve_times():
    whole, half = bill(stacks(), day()), bill(stacks(), day(minutes=720))
    assert line(half, "dynamodb-write").quantity == 2 * line(whole, "dynamodb-write").quantity
    kept = day(stored={"lake": 2**30, "views": 2**30})
    assert line(bill(stacks(), kept, 12), "s3-gb").quantity == 12 * line(bill(stacks(), kept), "s3-gb").quantity == 360
