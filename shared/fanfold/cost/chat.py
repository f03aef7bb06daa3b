"""The price of commands from a chat, at list price: nothing that a month has free is taken off.

A command is counted as its dearest: each comes by itself to functions that were not used for a while, and is the one
message of its segment in the audit chain.
"""

from decimal import Decimal

from fanfold.cost.bill import Quantities
from fanfold.cost.durations import COLD_START_MS, UNRECORDED_MS
from fanfold.cost.units import gb_seconds

# The memory of the chat's function, as services/alerts/serverless.yml has it, and of the largest behind it.
MEMORY_MB = 512
# The functions of a command: the chat's, one of the API, and audit's, which records it.
FUNCTIONS = 3
# Items of less than a kilobyte: the command when it came and when it was answered, its place in the chain and its view.
WRITES = 5
# What the chat knows of the person's commands, and what audit reads to extend the chain; small items, too.
READS = 2
# The segment of the chain.
PUTS = 1
# Audit's queue receives and deletes.
QUEUE_REQUESTS = 2
# Lines of metrics and of Lambda, a function.
LOG_BYTES = 1_000
GB = 10**9


def usage_of(commands: int, read_units: Decimal) -> Quantities:
    """Return the billed quantities of so many commands.

    ``read_units`` are those of the status, the command that reads most, in a process that has read nothing yet.
    """
    each = {
        "http-request": Decimal(1),
        "lambda-request": Decimal(FUNCTIONS),
        "lambda-gb-second": FUNCTIONS * gb_seconds(MEMORY_MB, COLD_START_MS + UNRECORDED_MS),
        "dynamodb-write": Decimal(WRITES),
        "dynamodb-read": READS + read_units,
        "sns-request": Decimal(1),
        "sqs-standard-request": Decimal(QUEUE_REQUESTS),
        "s3-put": Decimal(PUTS),
        "log-gb": Decimal(FUNCTIONS * LOG_BYTES) / GB,
    }
    return {item: count * commands for item, count in each.items()}
