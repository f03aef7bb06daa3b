"""A command from whoever wrote it to its answer: who it is, what they may, once, and in the audit chain."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from fanfold import ids
from fanfold.api.problems import Problem
from fanfold.chat.actions import Actions, Turn
from fanfold.chat.commands import Command, read_command
from fanfold.chat.requests import TEXT_MAX, WINDOW_S, ChatAnswer, Incoming, Platform
from fanfold.desk import Desk
from fanfold.errors import BadInput, NotReachable
from fanfold.messages import CommandReceived, Message
from fanfold.operators.persons import chat_principal, may, named_by

# Commands of strangers that are recorded in an hour, by all that they write.
STRANGERS_MAX = 32


class CommandInbox(Protocol):
    """The commands that came, each under its id; see fanfold.aws.dynamodb.chat_inbox."""

    def claim(self, nonce: str, now: datetime) -> bool:
        """Store that a command came. Return False where it was answered before."""

    def answered(self, nonce: str) -> None: ...


class CommandBus(Protocol):
    """The bus on which commands go into the audit chain."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class Denied(Exception):
    """A command that is not carried out, with what its sender is told."""

    def __init__(self, title: str, line: str) -> None:
        super().__init__(line)
        self.answer = ChatAnswer(title, (line,), done=False)


class Conversation:
    """The verb of the chat."""

    def __init__(self, desk: Desk, actions: Actions, inbox: CommandInbox, bus: CommandBus) -> None:
        self._desk = desk
        self._actions = actions
        self._inbox = inbox
        self._bus = bus

    def respond(self, platform: Platform, incoming: Incoming, now: datetime) -> ChatAnswer | None:
        """Carry out a command and return its answer, None for whoever is nobody here.

        A command that comes again does nothing again: its requests have the keys that they had. Where a platform
        delivers each but once it is a replay, and Problem (409) is raised.
        """
        name = named_by(self._desk.chat, platform.name, incoming.user)
        if not name:
            self._note_stranger(platform.name, incoming, now)
            return None
        turn = Turn(name, f"{platform.name}/{incoming.nonce}", now)
        if not self._inbox.claim(turn.nonce, now) and not platform.redelivers:
            raise Problem(409, "replayed", "this command was answered before")
        answer = self._answer(turn, incoming)
        self._inbox.answered(turn.nonce)
        return answer

    def _note_stranger(self, platform: str, incoming: Incoming, now: datetime) -> None:
        """Record the first command of an hour of whoever is not in the desk file, and at most STRANGERS_MAX of all.

        Anybody may write to a bot, under as many names as they like.
        """
        user = f"{platform}:{incoming.user}"
        nonce = f"stranger {int(ids.derive(user), 16) % STRANGERS_MAX}/{now:%Y-%m-%dT%H}"
        if self._inbox.claim(nonce, now):
            self._record(user, nonce, incoming.text, now, "Nobody of the desk file")
            self._inbox.answered(nonce)

    def _answer(self, turn: Turn, incoming: Incoming) -> ChatAnswer:
        try:
            command = self._permitted(turn, incoming)
        except Denied as denied:
            self._record(chat_principal(turn.person), turn.nonce, incoming.text, turn.now, denied.answer.title)
            return denied.answer
        if command.verb.lowers:
            # A stop does not wait for a topic: the ledger publishes what it did by itself, with who and why.
            answer = self._carried_out(turn, command)
            self._record(chat_principal(turn.person), turn.nonce, incoming.text, turn.now)
            return answer
        self._record(chat_principal(turn.person), turn.nonce, incoming.text, turn.now)
        return self._carried_out(turn, command)

    def _permitted(self, turn: Turn, incoming: Incoming) -> Command:
        """Return the command that a person may give. Raises Denied for any other."""
        late_s = int(turn.now.timestamp()) - incoming.sent_at_s
        if abs(late_s) > WINDOW_S:
            raise Denied("Too late", f"It was written {late_s} s ago and is not carried out now; send it again.")
        try:
            command = read_command(incoming.text, self._desk.accounts)
        except BadInput as wrong:
            raise Denied("Not understood", str(wrong)) from wrong
        person = self._desk.chat[turn.person]
        if not may(person, command.verb.role):
            raise Denied("Not allowed", f"/{command.verb.name} is for the role {command.verb.role}, not {person.role}.")
        return command

    def _carried_out(self, turn: Turn, command: Command) -> ChatAnswer:
        try:
            return self._actions.act(turn, command)
        except Problem as problem:
            return ChatAnswer("Refused", (problem.detail,), done=False)
        except NotReachable as fault:
            lines = str(fault), "It may have been done all the same: look at /status."
            return ChatAnswer("No answer", lines, done=False)

    def _record(self, actor: str, nonce: str, text: str, now: datetime, denied: str = "") -> None:
        message = CommandReceived(
            id=ids.derive("command", nonce),
            cause=f"chat/{nonce}",
            at=now,
            actor=actor,
            text=text[:TEXT_MAX],
            denied=denied,
        )
        self._bus.publish([message])
