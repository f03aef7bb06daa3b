"""Requests to the HTTP API for each command, in the name of the person who gave it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from fanfold import ids
from fanfold.alerts.record import AlertRecord
from fanfold.api.chart_schemas import AccountEquity
from fanfold.api.control_schemas import HaltAnswer, ResumeAnswer
from fanfold.api.problems import not_found
from fanfold.api.schemas import PAGE_MAX, ExplainedOrder, OrderPage, PositionList, Status, TradePage
from fanfold.chat import answers
from fanfold.chat.commands import Command
from fanfold.chat.desk_api import DeskApi
from fanfold.chat.requests import ChatAnswer
from fanfold.desk import Desk
from fanfold.messages import TradingState

# Orders that a phone shows, and pages of them in which an id is looked for.
SHOWN = 8
PAGES_MAX = 5
ID_LENGTH = 32
CODE_LENGTH = 8
Alerts = Callable[[], Iterable[AlertRecord]]
STATES = {"halt": TradingState.HALTED, "reduce": TradingState.REDUCE_ONLY, "flatten": TradingState.FLATTENING}


class Turn(NamedTuple):
    """A person's command: the name in the desk file, the command's own id, and the time."""

    person: str
    nonce: str
    now: datetime

    @property
    def key(self) -> str:
        """The key of the request that the command makes: delivered again, it makes the same."""
        return ids.derive("chat", self.nonce)


class Flattenings(Protocol):
    """The flattenings that wait for their confirmation; see fanfold.aws.dynamodb.chat_inbox."""

    def ask(self, person: str, code: str, words: str, account: str, now: datetime) -> None:
        """Let one wait; a person's next one takes its place."""

    def spend(self, person: str, code: str, nonce: str, now: datetime) -> tuple[str, str] | None:
        """Return the account and the words of the one under a code, None where it is spent or too old.

        The command that spent it gets it again.
        """


class Actions:
    """The commands, each a method of its name; ``alerts`` returns the alerts that are stored."""

    def __init__(self, desk: Desk, api: DeskApi, waiting: Flattenings, alerts: Alerts) -> None:
        self._desk = desk
        self._api = api
        self._waiting = waiting
        self._stored_alerts = alerts

    def act(self, turn: Turn, command: Command) -> ChatAnswer:
        """Return the answer to a command. Raises Problem where the API rejects it, NotReachable where it is silent."""
        action: Callable[[Turn, Command], ChatAnswer] = getattr(self, f"_{command.verb.name}")
        return action(turn, command)

    def _help(self, turn: Turn, _command: Command) -> ChatAnswer:
        return answers.commands(self._desk.chat[turn.person])

    def _status(self, turn: Turn, command: Command) -> ChatAnswer:
        return answers.status(self._api.get(turn.person, "/status", Status, {"account": command.account}).accounts)

    def _positions(self, turn: Turn, command: Command) -> ChatAnswer:
        return answers.positions(self._held(turn, command).positions)

    def _pnl(self, turn: Turn, command: Command) -> ChatAnswer:
        return answers.results(self._held(turn, command).positions)

    def _held(self, turn: Turn, command: Command) -> PositionList:
        return self._api.get(turn.person, "/positions", PositionList, {"account": command.account})

    def _orders(self, turn: Turn, command: Command) -> ChatAnswer:
        query: dict[str, str | int] = {"account": command.account, "limit": SHOWN}
        query |= {command.words: "true"} if command.words else {}
        return answers.orders(self._api.get(turn.person, "/orders", OrderPage, query).orders)

    def _why(self, turn: Turn, command: Command) -> ChatAnswer:
        order_id = command.words if len(command.words) == ID_LENGTH else self._found(turn, command.words)
        return answers.why(self._api.get(turn.person, f"/orders/{order_id}", ExplainedOrder))

    def _found(self, turn: Turn, start: str) -> str:
        """Return the id of the newest order that begins so. Raises Problem where none of the newest does."""
        cursor: str | None = ""
        for _ in range(PAGES_MAX):
            query: dict[str, str | int] = {"cursor": cursor or "", "limit": PAGE_MAX}
            page = self._api.get(turn.person, "/orders", OrderPage, query)
            for order in page.orders:
                if order.order_id.startswith(start):
                    return order.order_id
            cursor = page.next
            if cursor is None:
                break
        raise not_found(f"none of the newest {PAGES_MAX * PAGE_MAX} orders begins with {start}")

    def _day(self, turn: Turn, command: Command) -> ChatAnswer:
        when = turn.now.date().isoformat()
        accounts = [command.account] if command.account else sorted(self._desk.accounts)
        return answers.day(when, [self._account_day(turn, account, when) for account in accounts])

    def _account_day(self, turn: Turn, account: str, when: str) -> tuple[AccountEquity, TradePage]:
        equity = self._api.get(turn.person, "/equity", AccountEquity, {"account": account})
        query: dict[str, str | int] = {"account": account, "day": when, "limit": PAGE_MAX}
        return equity, self._api.get(turn.person, "/trades", TradePage, query)

    def _alerts(self, _turn: Turn, _command: Command) -> ChatAnswer:
        return answers.alerts(record for record in self._stored_alerts() if record.open)

    def _halt(self, turn: Turn, command: Command) -> ChatAnswer:
        return self._stop(turn, command.verb.name, command.account, command.words, command.code)

    _reduce = _halt

    def _flatten(self, turn: Turn, command: Command) -> ChatAnswer:
        if command.code:
            waiting = self._waiting.spend(turn.person, command.code, turn.nonce, turn.now)
            if waiting is None:
                raise not_found("nothing waits under this code: it was used, or is older than two minutes")
            return self._stop(turn, "flatten", *waiting)
        code = ids.derive("flatten", turn.person, turn.nonce)[:CODE_LENGTH]
        self._waiting.ask(turn.person, code, command.words, command.account, turn.now)
        return answers.ask_to_flatten([command.account] if command.account else sorted(self._desk.accounts), code)

    def _stop(self, turn: Turn, verb: str, account: str, words: str, code: str = "") -> ChatAnswer:
        body = {
            "state": STATES[verb],
            "accounts": [account] if account else [],
            "reason": words or f"/{verb} by chat, without a reason",
        }
        # A stage whose risk was deployed before `replaces` takes a halt without it.
        body |= {"replaces": [code]} if code else {}
        return answers.stopped(self._api.post(turn.person, "/halt", HaltAnswer, body, turn.key))

    def _resume(self, turn: Turn, command: Command) -> ChatAnswer:
        reason = command.words or "confirmed by chat"
        body = {"account": command.account, "reason": reason}
        body |= {"confirmation": command.code} if command.code else {}
        return answers.resumed(self._api.post(turn.person, "/resume", ResumeAnswer, body, turn.key), reason)
