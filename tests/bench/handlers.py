"""Handler times without AWS: per message, per bar, from tick to order, and against ``json.loads`` of the event."""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from printed import percentile, table

from fanfold.aws.function.runtime import collect_seldom
from fanfold.messages import BarsClosed, ExecutionReport, OrdersApproved, Targets, decode, encode
from support.chain import Chain, CountingChain, Delivery, best, recorded, replayed
from support.situations import Situation, every_minute, many, repository_desk

MINUTES = 1_040
WARM = 40
PASSES = 5
ORDER_PATH = {
    ("market-data", "poll"),
    ("signal", BarsClosed.__name__),
    ("risk", BarsClosed.__name__),
    ("risk", Targets.__name__),
    ("risk", ExecutionReport.__name__),
    ("execution", OrdersApproved.__name__),
}
MATCHING = ("execution", BarsClosed.__name__)
TEN = 10
RUNS = 400


def main() -> None:
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    ten = _bars_events(many(TEN, RUNS + 20, ordering=False))
    for situation in (repository_desk(minutes), many(1, minutes, ordering=True), every_minute(minutes)):
        with recorded(situation) as (slow, kept):
            pass
        gc.collect()
        collect_seldom()
        passes = [replayed(situation, kept) for _ in range(PASSES)]
        # Right after the passes, each time between other work, as the runtime client does it.
        _, loaded, _ = _compared(many(TEN, 1, ordering=False), ten)
        deliveries, once, socket = (
            _warm(kept_deliveries) for kept_deliveries in (best(passes), passes[0].deliveries, slow.deliveries)
        )
        _per_message(situation.name, deliveries, once, socket, passes[0])
        _tick_to_order(situation.name, deliveries, once, loaded)
        del passes
        _functions(situation.name, _warm(replayed(situation, kept, CountingChain).deliveries))
    _against_json()


def _warm(deliveries: list[Delivery]) -> list[Delivery]:
    first = sorted({delivery.minute for delivery in deliveries})[WARM]
    return [delivery for delivery in deliveries if delivery.minute >= first and delivery.kind != "open"]


def _per_message(
    name: str, deliveries: list[Delivery], once: list[Delivery], socket: list[Delivery], chain: Chain
) -> None:
    decoding, encoding = _coding(chain)
    rows = []
    for kind in sorted({(delivery.service, delivery.kind) for delivery in deliveries}):
        mine, single, theirs = (_of(kind, of_kind) for of_kind in (deliveries, once, socket))
        walls = [delivery.wall_us / delivery.messages for delivery in mine]
        bars = [delivery.wall_us / delivery.bars for delivery in mine if delivery.bars and delivery.service != "audit"]
        rows.append(
            (
                " ".join(kind),
                len(mine),
                median(walls),
                percentile(walls, 0.99),
                percentile([delivery.cpu_us / delivery.messages for delivery in single], 0.99),
                median(bars) if bars else "",
                decoding.get(kind[1], ""),
                median(other.cpu_us / other.messages for other in theirs),
                median(len(delivery.calls) / delivery.messages for delivery in mine),
                median(delivery.call_cpu_us / delivery.messages for delivery in theirs),
                median(delivery.call_wall_us / delivery.messages for delivery in theirs),
            )
        )
    heads = (
        "handler",
        "times",
        "p50",
        "p99",
        "CPU p99, one pass",
        "p50 a bar",
        "decode",
        "CPU between sockets",
        "AWS calls",
        "calls' CPU",
        "calls' wall",
    )
    table(
        f"1. Handlers without AWS calls, us a message, best of {PASSES} passes over the same minutes: {name}",
        heads,
        rows,
    )
    table(
        f"Encoding, of {len(chain.published)} messages published",
        ("message", "us", "bytes"),
        [(kind, us, size) for kind, (us, size) in sorted(encoding.items())],
    )


def _of(kind: tuple[str, str], deliveries: list[Delivery]) -> list[Delivery]:
    return [delivery for delivery in deliveries if (delivery.service, delivery.kind) == kind]


def _coding(chain: Chain) -> tuple[dict[str, float], dict[str, tuple[float, int]]]:
    """us to decode and to encode the last message of each kind, and its bytes."""
    last = {type(decode(body)).__name__: body for _, body in chain.published[-400:]}
    decoding = {kind: _us(partial(decode, body)) for kind, body in last.items()}
    messages = {kind: decode(body) for kind, body in last.items()}
    encoding = {kind: (_us(partial(encode, message)), len(last[kind])) for kind, message in messages.items()}
    return decoding, encoding


def _tick_to_order(name: str, deliveries: list[Delivery], once: list[Delivery], loaded: float) -> None:
    rows = []
    missing = (ORDER_PATH | {MATCHING}) - {(delivery.service, delivery.kind) for delivery in deliveries}
    if missing:
        sys.exit(f"the chain has no {missing}: nothing is measured from tick to order")
    for label, kinds in (
        ("poll, signal, risk, execution place", ORDER_PATH),
        ("matching beside it", {MATCHING}),
        ("all of these", ORDER_PATH | {MATCHING}),
    ):
        minutes, single = _ordered(deliveries, kinds), _ordered(once, kinds)
        walls = [sum(delivery.wall_us for delivery in minute) / 1e3 for minute in minutes]
        cpus = [sum(delivery.cpu_us for delivery in minute) / 1e3 for minute in single]
        rows.append(
            (
                label,
                len(minutes),
                percentile(walls, 0.5),
                percentile(walls, 0.99),
                percentile(cpus, 0.5),
                percentile(cpus, 0.99),
                percentile(walls, 0.99) * 1e3 / loaded,
            )
        )
    heads = (
        "part",
        "minutes with an order",
        "p50",
        "p99",
        "CPU p50, one pass",
        "CPU p99, one pass",
        "p99 to json.loads",
    )
    table(
        f"Tick to order, compute alone, ms, and as a ratio to json.loads of ten bars ({loaded:.1f} us): {name}",
        heads,
        rows,
    )


def _functions(name: str, counted: list[Delivery]) -> None:
    """Calls of functions, which do not vary: by message, and of whole minutes with an order."""
    rows = []
    for kind in sorted({(delivery.service, delivery.kind) for delivery in counted}):
        calls = [delivery.functions / delivery.messages for delivery in _of(kind, counted)]
        rows.append((" ".join(kind), len(calls), median(calls), percentile(calls, 0.99)))
    minutes = [sum(delivery.functions for delivery in minute) for minute in _ordered(counted, ORDER_PATH | {MATCHING})]
    rows.append(("tick to order, with matching", len(minutes), median(minutes), percentile(minutes, 0.99)))
    table(f"Calls of functions: {name}", ("message", "times", "p50", "p99"), rows)


def _ordered(deliveries: list[Delivery], kinds: set[tuple[str, str]]) -> list[list[Delivery]]:
    """Deliveries of some kinds in each minute in which an order was placed."""
    by_minute: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        by_minute.setdefault(delivery.minute, []).append(delivery)
    return [
        [delivery for delivery in minute if (delivery.service, delivery.kind) in kinds]
        for minute in by_minute.values()
        if _of(("execution", "OrdersApproved"), minute)
    ]


def _against_json() -> None:
    """Signal on ten bars against ``json.loads`` of the same event."""
    ten = _bars_events(many(TEN, RUNS + 20, ordering=False))
    single = _bars_events(many(1, TEN * (RUNS + 2), ordering=False))
    joined = [
        {"Records": [event["Records"][0] for event in single[at : at + TEN]]} for at in range(0, len(single), TEN)
    ]
    rows = []
    for label, situation, events in (
        ("one message, ten instruments", many(TEN, 1, ordering=False), ten),
        ("ten messages, one bar each", many(1, 1, ordering=False), joined),
    ):
        handled, loaded, decoded = _compared(situation, events)
        size = len(json.dumps(events[-1]))
        rows.append((label, size, loaded, decoded, decoded / loaded, handled, handled / loaded))
    heads = ("event", "bytes", "json.loads us", "decode us", "ratio", "whole handler us", "ratio")
    table("2. Signal on ten bars against json.loads of its event (medians)", heads, rows)


def loads_us() -> float:
    """``json.loads`` of signal's event of one message with ten instruments, between a handler's work, median."""
    ten = _bars_events(many(TEN, RUNS + 20, ordering=False))
    return _compared(many(TEN, 1, ordering=False), ten)[1]


def _compared(situation: Situation, events: list[dict[str, Any]]) -> tuple[float, float, float]:
    handler = _signal(situation)
    handled, loaded, decoded = [], [], []
    for event in events:
        text = json.dumps(event)
        began = time.perf_counter()
        fresh = json.loads(text)
        loaded.append(time.perf_counter() - began)
        began = time.perf_counter()
        for record in fresh["Records"]:
            decode(record["body"])
        decoded.append(time.perf_counter() - began)
        handled.append(handler(fresh))
    warm = len(events) // 10
    return median(handled[warm:]) * 1e6, median(loaded[warm:]) * 1e6, median(decoded[warm:]) * 1e6


def _signal(situation: Situation) -> Callable[[dict[str, Any]], float]:
    """Signal's handler with a store that takes everything; seconds of an event without its AWS calls."""
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(situation, Path(folder), lambda _service: _accepting)

    def handled(event: dict[str, Any]) -> float:
        return chain.hand_over("signal", event).wall_us / 1e6

    return handled


def _bars_events(situation: Situation) -> list[dict[str, Any]]:
    """Signal's events of a situation's minutes."""
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(situation, Path(folder), lambda _service: _accepting)
        for now in situation.closes:
            chain.poll(now)
        return [{"Records": [record]} for record in chain.queues["signal"]]


def _accepting(_service: str, operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"Items": []} if operation == "Query" else {}


def _us(work: Callable[[], object], times: int = 2_000) -> float:
    best = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            work()
        best.append((time.perf_counter() - began) / times * 1e6)
    return median(best)


if __name__ == "__main__":
    main()
