"""Generate docs/functions.md from the packaged stacks: triggers, permissions, time-outs and memory of all functions."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fanfold.deployment import FIFO, SERVICES
from fanfold.local.launcher import repository_root
from fanfold.messages import tag_of
from fanfold_dev import stacks
from fanfold_dev.documents.message_examples import EXAMPLES
from fanfold_dev.documents.messages import received
from fanfold_dev.documents.packaged import PackagedStage, Permission

# The stage that has everything, and the one that most stages are like.
FULLEST, USUAL = "live", "dev"
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PutObject", "DeleteObject", "Publish"}
_KINDS = {"sns": "topic", "dynamodb": "table", "s3": "bucket"}
_UNNAMED = {"*": "any resource", "Key": "the stage's key", "SealKey": "the key that signs closed days"}
# What is written where a message fails; no function's output.
_FAULTS = "faults"
_HEAD = (
    "# Functions",
    "",
    "Written from the packaged stacks and the handlers; change `services/<service>/serverless.yml`, not this page.",
    "",
    "Permissions are those of the stage `live`, which has all. What topics carry is in [messages](messages.md).",
    "",
    "| Function | Trigger | Time-out | Memory |",
    "| --- | --- | --- | --- |",
)


@cache
def stage(named: str) -> PackagedStage:
    """Return one of the packaged stages."""
    return PackagedStage(stacks.templates(named))


def functions_markdown() -> str:
    """Return the page: a table of all functions, then each of them."""
    rows = [row for service in SERVICES for row in _rows(service)]
    return "\n".join([*_HEAD, *rows, "", *(line for service in SERVICES for line in _sections(service))]) + "\n"


def title(service: str, function: dict[str, Any]) -> str:
    """Return a function's name with its service, as in its heading."""
    return f"{service} {short_name(service, function)}"


def short_name(service: str, function: dict[str, Any]) -> str:
    """Return a function's name within its service."""
    return str(function["FunctionName"]).removeprefix(f"fanfold-{service}-{FULLEST}-")


def anchor(service: str, function: dict[str, Any]) -> str:
    """Return the anchor of a function's heading."""
    return "#" + title(service, function).replace(" ", "-").lower()


def purpose(function: dict[str, Any]) -> str:
    """Return the docstring of a function's handler."""
    module, _, name = function["ImageConfig"]["Command"][0].rpartition(".")
    path = Path(*module.split(".")).with_suffix(".py")
    (file,) = repository_root().glob(f"services/*/{path}")
    (node,) = [
        node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return " ".join((ast.get_docstring(node) or "").split())


def subscribed(service: str) -> list[str]:
    """Return links to the messages that reach a service's queue, with the conditions of its filters."""
    reached = [(tag_of(type(example)), received(service, example)) for example in EXAMPLES]
    return [f"[`{tag}`](messages.md#{tag.replace('.', '')}){where}" for tag, where in reached if where is not None]


def _rows(service: str) -> Iterator[str]:
    for logical, function in stage(FULLEST).functions(service).items():
        link = f"[{title(service, function)}]({anchor(service, function)})"
        yield f"| {link} | {_trigger(service, logical)} | {function['Timeout']} s | {_memory(service, logical)} |"


def _sections(service: str) -> Iterator[str]:
    for logical, function in stage(FULLEST).functions(service).items():
        permissions = stage(FULLEST).permissions(service, function)
        yield from (f"## {title(service, function)}", "", purpose(function), "", "| | |", "| --- | --- |")
        yield f"| **Trigger** | {_trigger(service, logical)} |"
        yield f"| **Input** | {_input(service, logical)} |"
        yield f"| **Output** | {_output(permissions)} |"
        yield f"| **Time-out** | {function['Timeout']} s |"
        yield f"| **Memory** | {_memory(service, logical)} |"
        yield f"| **Permissions** | {'<br>'.join(_permission(item) for item in permissions)} |"
        yield ""


def _trigger(service: str, logical: str) -> str:
    return "; ".join(stage(FULLEST).triggers(service, logical)) or "direct invocation"


def _input(service: str, logical: str) -> str:
    trigger = _trigger(service, logical)
    if trigger.startswith("queue"):
        return ", ".join(subscribed(service))
    if trigger.startswith("HTTP"):
        return "an HTTP request"
    return "the scheduled event" if trigger.startswith("schedule") else "a JSON object that the handler defines"


def _output(permissions: list[Permission]) -> str:
    written = [
        f"{_KINDS[item.service]} `{item.resource.removesuffix(FIFO)}`"
        for item in permissions
        if item.service in _KINDS and _WRITES & set(item.actions) and item.resource != _FAULTS
    ]
    return ", ".join(dict.fromkeys(written)) or "what it returns"


def _memory(service: str, logical: str) -> str:
    usual, fullest = (stage(named).functions(service)[logical]["MemorySize"] for named in (USUAL, FULLEST))
    return f"{usual} MB" if usual == fullest else f"{usual} MB, {fullest} MB in {FULLEST}"


def _permission(item: Permission) -> str:
    where = _UNNAMED.get(item.resource, f"`{item.resource}`")
    where = "its own log" if item.service == "logs" else where
    return f"`{item.service}:{', '.join(item.actions)}` on {where}"
