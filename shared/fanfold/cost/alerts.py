"""The price of alerts in a month, at list price: of one desk, to one person. Commands from a chat are priced apart."""

from decimal import Decimal
from typing import NamedTuple

from fanfold.cost.bill import Quantities
from fanfold.cost.durations import UNRECORDED_MS
from fanfold.cost.templates import POLLERS_IDLE
from fanfold.cost.units import MONTH_DAYS, gb_seconds, long_polls, runs_a_month

# As services/alerts/serverless.yml and params.yml have them.
MEMORY_MB = 256
FOLLOW_UP, ANOMALIES, REPORT = "rate(5 minutes)", "rate(15 minutes)", "cron(0 1 * * ? *)"
# A process that tells loads apprise: 170 ms at a whole core, a seventh of which 256 MB have; and a platform answers.
TELLING_MS = Decimal(2_000)
# A follow-up reads every alert of two months, an anomaly the hours of a week, both by reads that may be late, at half
# the price; and an anomaly four alerts and a poll.
FOLLOW_UP_READS, ANOMALY_READS = 8, 11
# An event is stored with its claims, and once more for each of two channels; an hour is added to at each.
TOLD_WRITES, EVENT_WRITES, ANOMALY_WRITES = 9, 1, 1
# A message is received, deleted, and was sent.
REQUESTS = 3
# Of its dead letters, in each profile.
ALARMS = 1
# The image, compressed, and the one before it.
IMAGES_GB = Decimal("0.2")


class AlertsUse(NamedTuple):
    """A day's events in the queue, and those of them that are told."""

    events: int = 400
    announced: int = 20


def month_of(use: AlertsUse) -> Quantities:
    """Return the billed quantities of a month."""
    watched = runs_a_month(FOLLOW_UP) + runs_a_month(ANOMALIES) + runs_a_month(REPORT)
    events, announced = (count * MONTH_DAYS for count in use)
    requests = watched + events
    return {
        "lambda-request": Decimal(requests),
        "lambda-gb-second": requests * gb_seconds(MEMORY_MB, UNRECORDED_MS)
        + announced * gb_seconds(MEMORY_MB, TELLING_MS),
        "sqs-standard-request": Decimal(events * REQUESTS),
        "sqs-standard-idle": Decimal(long_polls(POLLERS_IDLE, MONTH_DAYS)),
        "dynamodb-read": Decimal(
            runs_a_month(FOLLOW_UP) * FOLLOW_UP_READS + runs_a_month(ANOMALIES) * ANOMALY_READS + events
        ),
        "dynamodb-write": Decimal(
            announced * TOLD_WRITES + events * EVENT_WRITES + runs_a_month(ANOMALIES) * ANOMALY_WRITES
        ),
        "schedule": Decimal(watched),
        "alarm": Decimal(ALARMS),
        "image-gb": IMAGES_GB,
    }
