"""Generate the heads of the services' READMEs from the packaged stacks and the messages; the rest is by hand."""

from collections.abc import Iterator
from typing import Any

from fanfold.deployment import dead_letters_names, queue_name
from fanfold.local.launcher import repository_root
from fanfold.messages import PUBLISHED, tag_of
from fanfold_dev.documents import functions
from fanfold_dev.documents.functions import FULLEST, USUAL, stage

BEGIN = "<!-- Written by `make documents`, down to the end mark. -->"
END = "<!-- End of what is written. -->"
_STAGE = "STAGE"
_LEAN = "lean"


def readme(service: str) -> str:
    """Return a service's README with its head generated anew. Raises ValueError where it lacks the marks."""
    text = (repository_root() / path(service)).read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path(service)} lacks the marks of its head")
    return before + "\n".join([BEGIN, "", *_head(service), "", END]) + after


def path(service: str) -> str:
    """Return the path of a service's README."""
    return f"services/{service}/README.md"


def _head(service: str) -> Iterator[str]:
    reads = ", ".join(_from_here(link) for link in functions.subscribed(service))
    yield from ("| | |", "| --- | --- |")
    yield f"| **Reads** | {reads} |"
    yield f"| **Publishes** | {', '.join(_message(tag_of(kind)) for kind in PUBLISHED[service]) or 'nothing'} |"
    yield f"| **Functions** | {'<br>'.join(_functions(service))} |"
    yield f"| **Queue** | {_queue(service)} |"
    yield from ("", "| Alarm | Where | Rings when |", "| --- | --- | --- |", *_alarms(service))


def _from_here(link: str) -> str:
    return link.replace("](messages.md", "](../../docs/messages.md")


def _message(tag: str) -> str:
    return f"[`{tag}`](../../docs/messages.md#{tag.replace('.', '')})"


def _functions(service: str) -> Iterator[str]:
    for logical, function in stage(FULLEST).functions(service).items():
        name = functions.short_name(service, function)
        triggers = "; ".join(stage(FULLEST).triggers(service, logical)) or "direct invocation"
        yield f"[{name}](../../docs/functions.md{functions.anchor(service, function)}): {triggers}"


def _queue(service: str) -> str:
    queue: dict[str, Any] = stage(USUAL).queue(service)
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    dead_letters = dead_letters_names(service, _STAGE)[0]
    return (
        f"`{queue_name(service, _STAGE)}`, visibility time-out {queue['VisibilityTimeout']} s; "
        f"after {receives} receives a message goes to `{dead_letters}`"
    )


def _alarms(service: str) -> Iterator[str]:
    lean, full = (set(stage(named).alarms(service)) for named in (_LEAN, USUAL))
    for name, description in stage(FULLEST).alarms(service).items():
        where = "profiles lean and full" if name in lean else "profile full" if name in full else f"stage {FULLEST}"
        text, _, page = description.rpartition(". ")
        yield f"| [`{name}`](../../{page}) | {where} | {text} |"
