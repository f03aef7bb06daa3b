"""The tables, topics and queues of a desk in memory, as the stacks make them."""

import json
from typing import Any

from fanfold.messages import SUBSCRIPTIONS, TOPICS
from fanfold.simulation.cloud import MemoryCloud

TABLES = ("folds", "ledger", "paper_book", "faults")
RECEIVED_MAX = 5
# Of a standard queue, and of a FIFO one.
VISIBILITY_S = ("360", "60")


def places_of(cloud: MemoryCloud) -> dict[str, str]:
    """Create all of them; return their names and addresses by what the services' settings call them."""
    places = {f"{name}_table": name for name in TABLES}
    for name in places.values():
        cloud.table(name)
    for name in TOPICS:
        request = {"Name": f"{name}.fifo", "Attributes": {"FifoTopic": "true"}}
        places[topic_setting(name)] = cloud.call("sns", "CreateTopic", request)["TopicArn"]
    for service, topics in SUBSCRIPTIONS.items():
        places |= _queues(cloud, service)
        for topic, wanted in topics.items():
            filtered = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(wanted)}
            arn = places[topic_setting(topic)]
            request = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": places[service], "Attributes": filtered}
            cloud.call("sns", "Subscribe", request)
    return places


def topic_setting(topic: str) -> str:
    """Return the key of a topic in a service's settings."""
    return f"{topic.replace('-', '_')}_topic"


def _queues(cloud: MemoryCloud, service: str) -> dict[str, str]:
    # Audit's queue is a standard one.
    fifo = service != "audit"
    end, kind = (".fifo", {"FifoQueue": "true"}) if fifo else ("", {})
    dead = cloud.call("sqs", "CreateQueue", {"QueueName": f"dead-{service}{end}", "Attributes": kind})
    redrive = {"deadLetterTargetArn": cloud.sqs.queue(dead["QueueUrl"]).arn, "maxReceiveCount": RECEIVED_MAX}
    attributes = {"VisibilityTimeout": VISIBILITY_S[fifo], "RedrivePolicy": json.dumps(redrive)}
    made = cloud.call("sqs", "CreateQueue", {"QueueName": f"{service}{end}", "Attributes": kind | attributes})
    return {service: made["QueueUrl"], f"dead-{service}": dead["QueueUrl"]}


def as_record(message: dict[str, Any]) -> dict[str, Any]:
    """Return a received message as the record that Lambda passes."""
    attributes = {
        name: {"stringValue": attribute["StringValue"], "dataType": attribute["DataType"]}
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": attributes,
        "eventSourceARN": "queue",
    }


def headline(letter: dict[str, Any]) -> str:
    """Name a received message for a story."""
    kind = letter.get("MessageAttributes", {}).get("type", {}).get("StringValue", "no message")
    return f"{kind} (delivery {letter['Attributes']['ApproximateReceiveCount']})"
