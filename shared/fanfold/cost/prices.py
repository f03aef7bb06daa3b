"""List prices of the region of the stages, what of each month is always free, and the date of the prices."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

AS_OF = "2026-09"
REGION = "eu-west-1"
MILLION = 1_000_000
NOTHING = Decimal(0)


class Price(NamedTuple):
    """``usd`` for ``per`` units; the first ``free`` units of a month cost nothing, in every account and for ever.

    ``source`` is where the figure was read; "recalled" is from memory and was not looked up.
    """

    what: str
    unit: str
    usd: Decimal
    per: int
    free: Decimal
    source: str

    def listed(self, quantity: Decimal) -> Decimal:
        return quantity * self.usd / self.per

    def after_free(self, quantity: Decimal) -> Decimal:
        return self.listed(max(NOTHING, quantity - self.free))


class PriceLine(NamedTuple):
    """A quantity, and what it costs in dollars."""

    what: str
    quantity: Decimal
    unit: str
    usd: Decimal


PRICES: dict[str, Price] = {
    "lambda-request": Price("Lambda", "requests", Decimal("0.20"), MILLION, Decimal(1_000_000), "cloudchipr.com"),
    "lambda-gb-second": Price(
        "Lambda, arm64", "GB-seconds", Decimal("0.0000133334"), 1, Decimal(400_000), "cloudchipr.com"
    ),
    "sqs-request": Price(
        "SQS FIFO", "requests of 64 KB", Decimal("0.50"), MILLION, Decimal(1_000_000), "factualminds.com, 2026-06"
    ),
    "sqs-idle": Price(
        "SQS FIFO, empty polls", "requests", Decimal("0.50"), MILLION, NOTHING, "factualminds.com, 2026-06"
    ),
    "sqs-standard-request": Price(
        "SQS standard", "requests of 64 KB", Decimal("0.40"), MILLION, NOTHING, "factualminds.com, 2026-06"
    ),
    "sqs-standard-idle": Price(
        "SQS standard, empty polls", "requests", Decimal("0.40"), MILLION, NOTHING, "factualminds.com, 2026-06"
    ),
    "sns-request": Price(
        "SNS", "requests of 64 KB", Decimal("0.50"), MILLION, Decimal(1_000_000), "factualminds.com, 2026-06"
    ),
    "dynamodb-write": Price(
        "DynamoDB, on demand", "write units", Decimal("0.705"), MILLION, NOTHING, "recalled; an eighth over us-east-1's"
    ),
    "dynamodb-read": Price(
        "DynamoDB, on demand", "read units", Decimal("0.1415"), MILLION, NOTHING, "recalled; an eighth over us-east-1's"
    ),
    "dynamodb-gb": Price("DynamoDB, storage", "GB-months", Decimal("0.283"), 1, Decimal(25), "recalled"),
    "dynamodb-recovery-gb": Price(
        "DynamoDB, point-in-time recovery", "GB-months", Decimal("0.2264"), 1, NOTHING, "recalled"
    ),
    "s3-put": Price("S3", "PUT and LIST", Decimal("0.005"), 1_000, NOTHING, "cloudoptimo.com"),
    "s3-get": Price("S3", "GET", Decimal("0.0004"), 1_000, NOTHING, "cloudoptimo.com"),
    "s3-gb": Price("S3, storage", "GB-months", Decimal("0.023"), 1, NOTHING, "cloudoptimo.com"),
    "schedule": Price("EventBridge Scheduler", "runs", Decimal(1), MILLION, Decimal(14_000_000), "recalled"),
    "transition": Price("Step Functions", "transitions", Decimal("0.025"), 1_000, Decimal(4_000), "aws.amazon.com"),
    "fargate-vcpu-hour": Price("Fargate, arm64", "vCPU-hours", Decimal("0.03238"), 1, NOTHING, "recalled"),
    "fargate-gb-hour": Price("Fargate, arm64", "GB-hours", Decimal("0.00356"), 1, NOTHING, "recalled"),
    "address-hour": Price("Fargate, public IPv4", "hours", Decimal("0.005"), 1, NOTHING, "recalled"),
    "athena-tb": Price("Athena", "TB scanned", Decimal(5), 1, NOTHING, "recalled"),
    "http-request": Price("HTTP API", "requests", Decimal("1.11"), MILLION, NOTHING, "recalled"),
    "cdn-request": Price(
        "CloudFront", "requests", Decimal("0.0120"), 10_000, Decimal(10_000_000), "recalled; of Europe"
    ),
    "cdn-gb": Price("CloudFront, transfer", "GB", Decimal("0.085"), 1, Decimal(1_024), "recalled; of Europe"),
    "cloudwatch-call": Price("CloudWatch", "requests", Decimal("0.01"), 1_000, Decimal(1_000_000), "recalled"),
    "log-gb": Price("CloudWatch, logs", "GB", Decimal("0.57"), 1, Decimal(5), "recalled"),
    "metric": Price("CloudWatch, custom metrics", "metrics", Decimal("0.30"), 1, Decimal(10), "signoz.io, 2026"),
    "alarm": Price("CloudWatch, alarms", "metrics alarmed on", Decimal("0.10"), 1, Decimal(10), "recalled"),
    "composite-alarm": Price("CloudWatch, composite alarms", "alarms", Decimal("0.50"), 1, NOTHING, "recalled"),
    "dashboard": Price("CloudWatch, dashboards", "dashboards", Decimal(3), 1, Decimal(3), "aws.amazon.com"),
    "key": Price("KMS", "keys", Decimal(1), 1, NOTHING, "cloudburn.io, 2026"),
    "key-call": Price("KMS", "requests", Decimal("0.03"), 10_000, Decimal(20_000), "cloudburn.io, 2026"),
    "secret": Price("Secrets Manager", "secrets", Decimal("0.40"), 1, NOTHING, "recalled"),
    "secret-call": Price("Secrets Manager", "requests", Decimal("0.05"), 10_000, NOTHING, "recalled"),
    "image-gb": Price("ECR, storage", "GB-months", Decimal("0.10"), 1, NOTHING, "recalled"),
    "trace": Price("X-Ray", "traces", Decimal(5), MILLION, Decimal(100_000), "recalled"),
}


def price_lines(quantities: Mapping[str, Decimal]) -> list[PriceLine]:
    """Return a line for each quantity at its list price."""
    prices = ((PRICES[item], quantity) for item, quantity in quantities.items())
    return [PriceLine(price.what, quantity, price.unit, price.listed(quantity)) for price, quantity in prices]
