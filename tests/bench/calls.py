"""The cost of the two clients: import time against ``import botocore.session``, and CPU a DynamoDB PutItem.

Run by hand with the import root on the path: ``PYTHONPATH=shared:tests/aws python tests/bench/calls.py``.
"""

import os
import subprocess
import sys
import time
from statistics import median

from fanfold.aws.client.connect import Client, connect
from support.emulator import Emulator, ministack

CLIENTS: tuple[Client, ...] = ("light", "boto3")
IMPORTS = {
    "python -c pass": "pass",
    "botocore.session": "import botocore.session",
    "light: all five services": (
        "from fanfold.aws.client import light, protocol_json, protocol_lambda, protocol_query, protocol_s3"
    ),
    "light: DynamoDB and SQS": "from fanfold.aws.client import light, protocol_json",
    "boto3": "import fanfold.aws.client.boto3_client",
    "boto3, with a dynamodb client": "import boto3; boto3.client('dynamodb', region_name='eu-west-1')",
}
TABLE = {
    "TableName": "bench",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
}


def import_s(code: str, runs: int = 9) -> float:
    """Wall time of a fresh interpreter, in seconds; byte code is written and warm."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environ, check=True)
        times.append(time.perf_counter() - start)
    return median(times)


def put_cpu_us(client: Client, emulator: Emulator, count: int = 1000) -> float:
    """CPU of this process a conditional PutItem, in microseconds, after 50 calls to warm up."""
    call = connect(client, emulator.endpoint)
    condition = {"ConditionExpression": "attribute_not_exists(k)"}
    start = 0.0
    for number in range(count + 50):
        if number == 50:
            start = time.process_time()
        item = {"k": {"S": f"{client}-{number}"}, "amount": {"N": "1.5"}, "blob": {"B": b"x" * 64}}
        call("dynamodb", "PutItem", {"TableName": "bench", "Item": item, **condition})
    return (time.process_time() - start) / count * 1e6


def main() -> None:
    whole = import_s(IMPORTS["botocore.session"])
    for name, code in IMPORTS.items():
        taken = import_s(code)
        print(f"{name:32} {taken * 1e3:7.1f} ms  ratio {taken / whole:.2f}")
    with ministack() as emulator:
        connect("boto3", emulator.endpoint)("dynamodb", "CreateTable", TABLE)
        for client in CLIENTS:
            print(f"{client:32} {put_cpu_us(client, emulator):7.0f} µs of CPU a PutItem")


if __name__ == "__main__":
    main()
