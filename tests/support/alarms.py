"""The alarm topic of a desk on the embedded AWS, as a subscriber hears it."""

import json
from typing import Any

from fanfold.deployment import STAGE
from fanfold.local.launcher import REGION, Cloud

ACCOUNT_ID = "000000000000"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:fanfold-{STAGE}-alarms"


class Alarms:
    """A queue that hears what the alarm topic tells; a desk that comes to rest does not wait for dead letters."""

    def __init__(self, cloud: Cloud) -> None:
        self._call = cloud.call()
        self._url = self._call("sqs", "CreateQueue", {"QueueName": "told-dead-letters"})["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:told-dead-letters"
        self._call("sns", "Subscribe", {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": arn})

    def messages(self) -> list[dict[str, Any]]:
        answer = self._call("sqs", "ReceiveMessage", {"QueueUrl": self._url, "MaxNumberOfMessages": 10})
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]
