"""The names of a stage's queues, and which topics and queues are FIFO: all but those that need no order."""

from fanfold.messages import SUBSCRIPTIONS, Message, attributes_of, topic_of

# Of stacks that no desk needs, what `messages.SUBSCRIPTIONS` has of the others.
OPTIONAL_SUBSCRIPTIONS: dict[str, dict[str, dict[str, list[str]]]] = {
    "alerts": {
        "targets": {"type": ["leg-status.v1"]},
        "orders": {"type": ["orders-refused.v1", "trading-state-changed.v1"]},
        "executions": {"updates": ["true"]},
    },
}
SERVICES = tuple(SUBSCRIPTIONS)
# Also those of stacks that may not be there.
SERVICES_WITH_QUEUES = (*SERVICES, *OPTIONAL_SUBSCRIPTIONS)
# Stacks of their own that no desk needs: each is built and deployed where it is named.
RESEARCH = "research"
ALERTS = "alerts"
# As those, and without functions and an image.
PAGE = "page"
OPTIONAL = (RESEARCH, *OPTIONAL_SUBSCRIPTIONS)
# The stage of the embedded AWS.
STAGE = "local"
UNORDERED_TOPICS = frozenset({"bars-requested"})
UNORDERED = frozenset({"audit", "market-data", ALERTS})
# Whose subscriptions, of FIFO topics, give up to a FIFO queue beside.
BESIDE = frozenset({"audit", ALERTS})
FIFO = ".fifo"


def excluded(service: str, message: Message) -> bool:
    """Return whether the filter of a service's subscription excludes a message.

    SNS takes up to fifteen minutes to apply a filter that is new or changed, and delivers everything until then.
    """
    wanted = (SUBSCRIPTIONS.get(service) or OPTIONAL_SUBSCRIPTIONS[service]).get(topic_of(message))
    if not wanted:
        return False
    attributes = attributes_of(message)
    return any(name in attributes and attributes[name] not in values for name, values in wanted.items())


def topic_name(topic: str) -> str:
    """Return the end of a topic's name, and of its ARN."""
    return topic if topic in UNORDERED_TOPICS else topic + FIFO


def queue_name(service: str, stage: str) -> str:
    return f"fanfold-{stage}-{service}{'' if service in UNORDERED else FIFO}"


def dead_letters_names(service: str, stage: str) -> tuple[str, ...]:
    """Return a service's dead-letter queues: a standard queue has a FIFO one too, for what FIFO topics give up."""
    ordered = f"fanfold-{stage}-{service}-dead-letters{FIFO}"
    if service in BESIDE:
        return ordered.removesuffix(FIFO), ordered
    return (ordered.removesuffix(FIFO) if service in UNORDERED else ordered,)


def fifo_parameters(queue: str, group: str, once: str) -> dict[str, str]:
    """Return the parameters of a message that a FIFO queue requires and a standard one refuses."""
    return {"MessageGroupId": group, "MessageDeduplicationId": once} if queue.endswith(FIFO) else {}
