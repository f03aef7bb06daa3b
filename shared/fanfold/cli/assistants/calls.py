"""A call of a tool: counted, recorded before and after, checked, and its answer marked and bounded."""

from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from fanfold.cli.assistants import marking, tools
from fanfold.cli.assistants.answers import Envelope
from fanfold.cli.assistants.tools import Tool
from fanfold.cli.assistants.workplace import Workplace
from fanfold.cli.faults import EXPECTED
from fanfold.cli.output import encode
from fanfold.errors import BadInput

# An assistant reads a quarter of a megabyte badly already.
ANSWER_BYTES_MAX = 256 * 1024
ARGUMENTS_MAX = 2_000


class Result(NamedTuple):
    """The outcome of a call: the envelope of an answer, or the words of an error, which may quote text from outside."""

    document: dict[str, Any] | None
    error: str


class Assistant:
    """The calls of a session; ``clock`` returns seconds that only go forward."""

    def __init__(self, place: Workplace, session: str, clock: Callable[[], float]) -> None:
        self._place = place
        self._session = session
        self._clock = clock
        # A call that its client gave up still ends before the next one begins.
        self._turn = Lock()
        self.tools = tools.of_scope(place.scope)

    def call(self, name: str, arguments: dict[str, Any]) -> Result:
        """Call a tool. What it refuses is an error for the assistant to read; a bug is raised, and recorded too."""
        with self._turn:
            return self._recorded(name, arguments)

    def end(self) -> None:
        """End commands that run for a call, and wait for the call that is under way; none begins after it."""
        self._place.workroom.ended.set()
        self._turn.acquire()

    def _recorded(self, name: str, arguments: dict[str, Any]) -> Result:
        try:
            self._note(event="called", tool=marking.clean(name, 80), arguments=_shortened(arguments))
        except BadInput as wrong:
            return Result(None, str(wrong))
        outcome, began = {"event": "failed"}, self._clock()
        try:
            result = self._called(name, arguments)
            outcome = _outcome(result)
        finally:
            self._place.budget.worked(self._clock() - began)
            self._note(tool=marking.clean(name, 80), **outcome)
        return result

    def _called(self, name: str, arguments: dict[str, Any]) -> Result:
        try:
            self._place.budget.begin_call()
            tool = self._tool(name)
            data, good = tool.act(self._place, _converted(tool, arguments))
            return Result(self._envelope(tool, data, good=good), "")
        except (*EXPECTED, OSError) as wrong:
            return Result(None, marking.clean(str(wrong)))

    def _tool(self, name: str) -> Tool:
        if name in self.tools:
            return self.tools[name]
        known = next((tool for tool in tools.TOOLS if tool.name == name), None)
        if known is not None:
            needed = known.scope.name.lower()
            raise BadInput(f"{name} needs the scope {needed}: a person can start the server with --scope {needed}")
        raise BadInput(f"there is no tool {name!r:.80}; there are {', '.join(self.tools)}")

    def _envelope(self, tool: Tool, data: Any, *, good: bool) -> dict[str, Any]:
        plain = msgspec.json.decode(encode(data))
        shown = plain if tool.own else marking.marked(plain)
        envelope = Envelope(data=shown, good=good, note=marking.NOTE, budget=self._place.budget.left)
        text = encode(envelope)
        if len(text) > ANSWER_BYTES_MAX:
            raise BadInput(f"the answer has {len(text):,} bytes, and {ANSWER_BYTES_MAX:,} are the most: ask for less")
        document: dict[str, Any] = msgspec.json.decode(text)
        return document

    def _note(self, **fields: Any) -> None:
        self._place.journal.append({"session": self._session, "scope": self._place.scope.name} | fields)


def _outcome(result: Result) -> dict[str, Any]:
    """Return what the log has of an answer: its digest, for an answer may hold more than a log should."""
    if result.document is None:
        return {"event": "refused", "error": result.error}
    return {"event": "answered", "sha256": sha256(encode(result.document).encode()).hexdigest()}


def _converted(tool: Tool, arguments: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(arguments, tool.input)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the input of {tool.name}: {wrong}") from wrong


def _shortened(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments for the log: whole where they are short, else their beginning and digest."""
    text = encode(arguments)
    if len(text) <= ARGUMENTS_MAX:
        return arguments
    return {"begins": text[:ARGUMENTS_MAX], "sha256": sha256(text.encode()).hexdigest()}
