"""Two processes of a service stand side by side in one program, each over an AWS of its own."""

from datetime import UTC, datetime

from core_desk import START
from test_verbs_market_data import DESK

from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import SqsConsumer
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import AT_ONCE
from fanfold.simulation.cloud import MemoryCloud
from market_data_service import wiring
from market_data_service.settings import Settings


def process(cloud: MemoryCloud) -> wiring.MarketDataProcess:
    def clock() -> datetime:
        return datetime.fromtimestamp(START, UTC)

    watch = Telemetry({}, clock, write=len)
    edge = SqsConsumer(cloud.call, "dead-letters", "faults", clock, watch)
    runtime = Runtime(cloud.call, clock, DESK, edge, watch, AT_ONCE)
    return wiring.build(runtime, Settings(bars_topic="bars", cursors_table="cursors"))


def test_two_processes_of_market_data_do_not_touch_each_other() -> None:
    clouds = MemoryCloud(), MemoryCloud()
    for cloud in clouds:
        cloud.table("cursors")
    first, second = map(process, clouds)
    assert first.poller is first.poller
    assert first.poller is not second.poller
    first.poller._cursors.write("v", {}, 0, held_until=7)
    assert first.poller._cursors.read("v").held_until == 7
    assert second.poller._cursors.read("v").held_until == 0
