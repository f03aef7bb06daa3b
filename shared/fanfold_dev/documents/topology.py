"""Generate topics, queues and subscriptions as a file that the stacks include."""

import json
from typing import Any

from fanfold.deployment import FIFO, OPTIONAL_SUBSCRIPTIONS, SERVICES, dead_letters_names, queue_name, topic_name
from fanfold.messages import PUBLISHED, SUBSCRIPTIONS, TOPICS

_PREFIX = "fanfold--"


def topology() -> dict[str, Any]:
    """Return each topic with its publishers and each service with its queue and subscriptions.

    Names lack ``fanfold-STAGE-``. A subscription is a topic with the filter of message attributes; {} takes all.
    """
    return {
        "topics": {topic: _topic(topic) for topic in TOPICS},
        "services": {service: _service(service, SUBSCRIPTIONS[service]) for service in SERVICES},
        "optional": {service: _service(service, topics) for service, topics in OPTIONAL_SUBSCRIPTIONS.items()},
    }


def topology_json() -> str:
    """Return the text of ``shared/stacks/topology.json``."""
    return json.dumps(topology(), indent=2) + "\n"


def _topic(topic: str) -> dict[str, Any]:
    kinds = TOPICS[topic]
    publishers = [service for service, published in PUBLISHED.items() if set(kinds) & set(published)]
    return {"name": topic_name(topic), "fifo": topic_name(topic).endswith(FIFO), "publishers": publishers}


def _service(service: str, subscriptions: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    queue = queue_name(service, "").removeprefix(_PREFIX)
    dead_letters, *undelivered = (name.removeprefix(_PREFIX) for name in dead_letters_names(service, ""))
    return {
        "queue": queue,
        "deadLetters": dead_letters,
        # Where a FIFO topic's undelivered messages go if the service's own queues are not FIFO.
        "undelivered": undelivered[0] if undelivered else None,
        "fifo": queue.endswith(FIFO),
        "publishes": [topic for topic, kinds in TOPICS.items() if set(kinds) & set(PUBLISHED.get(service, ()))],
        "subscriptions": subscriptions,
    }
