"""AWS calls, messages and bytes of a minute, for one symbol to a thousand, with and without an order."""

import gc
from collections import Counter
from collections.abc import Iterator
from statistics import median

from printed import table

from fanfold.messages import SUBSCRIPTIONS
from support.chain import Chain, Delivery, best, recorded, replayed
from support.situations import many

SYMBOLS = (1, 10, 100, 1_000)
MINUTES = 10
WARM = 4
PASSES = 5
COMPUTED = ("market-data", "signal", "risk", "execution")


def main() -> None:
    rows, operations = [], []
    for ordering in (False, True):
        for symbols in SYMBOLS:
            situation = many(symbols, MINUTES, ordering=ordering)
            with recorded(situation) as (chain, kept):
                pass
            gc.collect()
            gc.freeze()
            compute = best([replayed(situation, kept) for _ in range(PASSES)])
            rows.append(
                (
                    symbols,
                    "yes" if ordering else "no",
                    *_figures(chain, ordering=ordering),
                    *_compute(compute, symbols, ordering=ordering),
                )
            )
            if symbols == SYMBOLS[1]:
                operations += _operations(chain, ordering=ordering)
    heads = (
        "symbols",
        "order",
        *SUBSCRIPTIONS,
        "calls",
        "messages",
        "bars bytes",
        "targets bytes",
        *(f"{service} ms" for service in COMPUTED),
        "us a bar",
    )
    table("4. AWS calls of a minute, median (Lambda polls the queues), and compute without them", heads, rows)
    table("The calls, ten symbols", ("service", "order", "call", "a minute"), operations)


def _figures(chain: Chain, *, ordering: bool) -> Iterator[int]:
    minutes = _minutes(chain.deliveries, ordering=ordering)
    for service in SUBSCRIPTIONS:
        yield int(
            median(sum(len(delivery.calls) for delivery in minute if delivery.service == service) for minute in minutes)
        )
    yield int(median(sum(len(delivery.calls) for delivery in minute) for minute in minutes))
    # Audit has every message once.
    yield int(
        median(sum(delivery.messages for delivery in minute if delivery.service == "audit") for minute in minutes)
    )
    for topic in ("bars", "targets"):
        yield int(median(len(body) for name, body in chain.published[-40:] if name == topic))


def _compute(deliveries: list[Delivery], symbols: int, *, ordering: bool) -> Iterator[float]:
    minutes = _minutes(deliveries, ordering=ordering)
    by_service = [
        median(sum(delivery.wall_us for delivery in minute if delivery.service == service) for minute in minutes)
        for service in COMPUTED
    ]
    yield from (wall_us / 1e3 for wall_us in by_service)
    yield sum(by_service) / symbols


def _operations(chain: Chain, *, ordering: bool) -> list[tuple[object, ...]]:
    minutes = _minutes(chain.deliveries, ordering=ordering)
    calls = Counter((delivery.service, call) for minute in minutes for delivery in minute for call in delivery.calls)
    return [
        (service, "yes" if ordering else "no", call, count / len(minutes))
        for (service, call), count in sorted(calls.items())
    ]


def _minutes(deliveries: list[Delivery], *, ordering: bool) -> list[list[Delivery]]:
    """Deliveries by minute, the first ones left out, and those that had no order where they ought to have one."""
    by_minute: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.kind != "open":
            by_minute.setdefault(delivery.minute, []).append(delivery)
    warm = list(by_minute.values())[WARM:]
    return [
        minute
        for minute in warm
        if ordering == any(delivery.kind == "OrdersApproved" and delivery.service == "execution" for delivery in minute)
    ]


if __name__ == "__main__":
    main()
