"""The names of a stage's queues, and which topics and queues are FIFO: all but those that need no order."""

from fanfold.messages import SUBSCRIPTIONS

SERVICES = tuple(SUBSCRIPTIONS)
# A stack of its own that no desk needs: it is built and deployed where it is named.
RESEARCH = "research"
# The stage of the embedded AWS.
STAGE = "local"
UNORDERED_TOPICS = frozenset({"bars-requested"})
UNORDERED = frozenset({"audit", "market-data"})
# Whose subscriptions, of FIFO topics, give up to a FIFO queue beside.
BESIDE = "audit"
FIFO = ".fifo"


def topic_name(topic: str) -> str:
    """Return the end of a topic's name, and of its ARN."""
    return topic if topic in UNORDERED_TOPICS else topic + FIFO


def queue_name(service: str, stage: str) -> str:
    return f"fanfold-{stage}-{service}{'' if service in UNORDERED else FIFO}"


def dead_letters_names(service: str, stage: str) -> tuple[str, ...]:
    """Return a service's dead-letter queues; audit's subscriptions, of FIFO topics, have a FIFO queue of their own."""
    ordered = f"fanfold-{stage}-{service}-dead-letters{FIFO}"
    if service == BESIDE:
        return ordered.removesuffix(FIFO), ordered
    return (ordered.removesuffix(FIFO) if service in UNORDERED else ordered,)


def fifo_parameters(queue: str, group: str, once: str) -> dict[str, str]:
    """Return the parameters of a message that a FIFO queue requires and a standard one refuses."""
    return {"MessageGroupId": group, "MessageDeduplicationId": once} if queue.endswith(FIFO) else {}
