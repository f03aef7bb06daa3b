"""A desk day of all five services: market-data polls a venue whose bars are bad, and audit records what comes of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from math import inf
from random import Random
from typing import Any

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.market import timeframes
from fanfold.messages import TOPICS, decode
from fanfold.simulation.schedules.bar_source import SeededSource
from fanfold.simulation.schedules.daily_close import DailyClose
from fanfold.simulation.schedules.desk_day import MINUTES, DeskDay
from fanfold.simulation.schedules.faults import DAY, WHOLE_DESK, FaultDice, Hit
from fanfold.simulation.schedules.live_day import LiveDay
from fanfold.simulation.schedules.market import START
from fanfold.simulation.schedules.places import topic_setting
from fanfold.simulation.schedules.process import SERVICES
from fanfold.simulation.schedules.running import RunningInvocation

KINDS = (*DAY, "freeze", "timeout", "dropped", "delay", "reorder", "skew", "backward", "silent", *WHOLE_DESK)
# Each seed draws for each kind how often it comes: what befalls a bar has fewer chances than what befalls a call.
CALL_RATES, BAR_RATES = (0.0, 0.004, 0.03), (0.0, 0.0, 0.05, 0.2)
FEW = ("silent", "skew", "batch", *WHOLE_DESK)
# A scheduled function that fails is started again twice.
STARTS = 3
RECEIVES, FLUSH_MINUTES = 10, 5
# The seconds after midnight at which the day before is closed.
CLOSE_S = 1_200
# Between two of its windows audit is not delivered to.
WINDOW = 0.3


class FiveServices(DeskDay):
    """A desk day with market-data and audit."""

    services = (*SERVICES, "market-data", "audit")
    silent = True
    # Whether every message comes once more in the end.
    repeats = True
    # A hole in the bars is closed ten minutes after it.
    healing_minutes = 16

    def __init__(
        self,
        seed: int,
        minutes: int = MINUTES,
        *,
        kinds: tuple[str, ...] = KINDS,
        rates: Mapping[str, float] | None = None,
        listed: tuple[Hit, ...] | None = None,
        traced: bool = True,
    ) -> None:
        """Let faults of some kinds come, at the rates of the seed or at others."""
        dice = Random(f"faults {seed}")
        rates = rates or {kind: dice.choice(BAR_RATES if kind in FEW else CALL_RATES) for kind in KINDS}
        rates = {kind: rates[kind] for kind in kinds if kind in rates}
        super().__init__(seed, minutes=minutes, faults=FaultDice(dice, rates, listed=listed, traced=traced))
        self.places |= _audit_places(self)
        self.source = SeededSource(self, Random(f"bars {seed}"))
        self.closed = DailyClose(self)
        self.changed_by_repeats: list[tuple[str, ...]] = []

    def outside(self, service: str) -> Callable[[str], Any] | None:
        return (lambda _venue: self.source) if service == "market-data" else super().outside(service)

    def bring_bars(self, minute: int) -> None:
        """Let the bars of a minute close, and start the schedules of market-data and audit."""
        due = START + self.length_s * minute
        self.source.close(due)
        at = datetime.fromtimestamp(due, UTC)
        self.start("market-data", lambda parts: parts.poller.poll(at), STARTS)
        if minute % FLUSH_MINUTES == 0:
            self.start("audit", lambda parts: parts.flush(), STARTS)
        open_ = not self.faults.on or self.random.random() < WINDOW
        self.listening = self.services if open_ else tuple(name for name in self.services if name != "audit")

    def start(self, service: str, work: Callable[[Any], Any], starts: int = 1) -> RunningInvocation:
        """Start a function with work for its process's parts, and start it again where it fails."""
        process = self.process(service)
        again = partial(self.start, service, work, starts - 1) if starts > 1 else None
        invocation = RunningInvocation(process, partial(process.scheduled, "schedule", work), again=again)
        self.running.append(invocation)
        return invocation

    def fetch_bars(self) -> None:
        """Do nothing: market-data itself answers requests."""

    def received(self, service: str) -> list[dict[str, Any]]:
        if service != "audit":
            return super().received(service)
        request = {"QueueUrl": self.places["audit"], "MaxNumberOfMessages": 10}
        pages = [self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", []) for _ in range(RECEIVES)]
        letters = [letter for page in pages for letter in page]
        self.random.shuffle(letters)
        return letters

    def heal(self) -> None:
        """Close the day under faults too, and once more when they are over."""
        super().heal()
        self.settle()
        self.redrive()
        self.settle()
        ends_at = self.now
        if self.repeats:
            self._repeat()
        self.now += timeframes.DAY_S - ends_at % timeframes.DAY_S + CLOSE_S
        self.faults.on = True
        self.closed.run(self.clock())
        self.faults.on = False
        self.settle()
        self.closed.run(self.clock())
        # The laws look at the day as it ended.
        self.now = ends_at

    def _repeat(self) -> None:
        """Let every message come once more, as if no topic and no queue knew it any more."""
        before, lasts_until = self._kept(), self._first_end()
        messages = [decode(letter.body) for letter in self.cloud.sqs.queue(self.places["heard"]).messages]
        for topic in self.cloud.sns.topics.values():
            topic.known.clear()
        for queue in self.cloud.sqs.queues.values():
            queue.known.clear()
        self.topics.publish({message.id: message for message in messages}.values())
        self.settle()
        self.redrive()
        self.settle()
        if lasts_until <= self.now:
            return
        after = self._kept()
        self.changed_by_repeats = sorted(key for key in before | after if _differ(before.get(key), after.get(key)))

    def _first_end(self) -> float:
        """Return when the first live order expires: from then on the ledger changes without any message."""
        names = [order.order_id for account in self.desk.accounts for order in ledger.live(self.ledger, account)]
        records = ledger.records(self.ledger, names).values()
        return min((record.order.expires_at.timestamp() for record in records), default=inf)

    def _kept(self) -> dict[tuple[str, ...], Item]:
        """Return what the desk knows of bars, orders and books, by table and key; polls may count repeats."""
        tables = {name: self.cloud.dynamodb.table(name) for name in ("cursors", "folds", "ledger", "paper_book")}
        keyed = {(name, *table.key_of(item)): item for name, table in tables.items() for item in table.items()}
        return {key: item for key, item in keyed.items() if not key[1].startswith("poll#")}

    def redrive(self) -> None:
        """Give audit the messages again that it put aside, as an operator does."""
        dead = self.cloud.sqs.queue(self.places["dead-audit"])
        for letter in dead.messages:
            letter.received, letter.visible_at = 0, self.now
        self.queues["audit"].messages += dead.messages
        dead.messages.clear()


class WholeDesk(FiveServices):
    """A desk on paper."""


class WholeLiveDesk(FiveServices, LiveDay):
    """A desk with a live account."""


def _audit_places(world: DeskDay) -> dict[str, str]:
    """Create what market-data and audit own, and a queue that keeps every message; return the names."""
    cloud, buckets = world.cloud, {"lake_bucket": "lake", "audit_bucket": "audit"}
    for table in ("cursors", "views"):
        cloud.table(table)
    for bucket in buckets.values():
        cloud.call("s3", "CreateBucket", {"Bucket": bucket})
    versions = {"Bucket": "audit", "VersioningConfiguration": {"Status": "Enabled"}}
    cloud.call("s3", "PutBucketVersioning", versions)
    heard = cloud.call("sqs", "CreateQueue", {"QueueName": "heard"})["QueueUrl"]
    for topic in TOPICS:
        request = {"TopicArn": world.places[topic_setting(topic)], "Protocol": "sqs", "Endpoint": heard}
        cloud.call("sns", "Subscribe", request | {"Attributes": {"RawMessageDelivery": "true"}})
    return {"cursors_table": "cursors", "views_table": "views", "heard": heard, "stage": "simulated"} | buckets


def _differ(before: Item | None, after: Item | None) -> bool:
    """Return whether an item differs, but for a breach that a repeat noted.

    A loss that came after the last poll is over a limit already: whatever looks at the account next notes it.
    """
    if before and after and "breach" not in before:
        after = {name: value for name, value in after.items() if name != "breach"}
    return before != after
