"""The names of a stage's queues: FIFO ones, but for audit's, which needs no order."""

UNORDERED = "audit"
FIFO = ".fifo"


def queue_name(service: str, stage: str) -> str:
    return f"fanfold-{stage}-{service}{'' if service == UNORDERED else FIFO}"


def dead_letters_names(service: str, stage: str) -> tuple[str, ...]:
    """What a service's messages end in; audit's subscriptions, of FIFO topics, have a FIFO queue of their own."""
    ordered = f"fanfold-{stage}-{service}-dead-letters{FIFO}"
    return (ordered.removesuffix(FIFO), ordered) if service == UNORDERED else (ordered,)


def ordering(queue: str, group: str, once: str) -> dict[str, str]:
    """The parameters of a message that a FIFO queue wants and a standard one refuses."""
    return {"MessageGroupId": group, "MessageDeduplicationId": once} if queue.endswith(FIFO) else {}
