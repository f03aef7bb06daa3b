"""A thousand calls of anybody, in any order, with anything in them: risk is never widened but by two persons."""

import json
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from fanfold.messages import TradingState
from fanfold.operators.persons import chat_principal, person_of
from fanfold.simulation.cloud import MemoryCloud
from support.api_desk import PERSONS, World, answered
from support.chats import Event, by_discord, by_slack, by_telegram, interaction, slash, update

CALLS, SEED = 1_000, 20_260_301
WORDS = (
    "main", "spare", "gone", "mian", "MAIN", "reason", "ACTIVE", "confirm", "rearm", "state=ACTIVE", "--rearm",
    "0" * 32, "f" * 8, "limits", "gross_max=100", "../resume", "\u202eresume", "<b>", "'; DROP", "%00", "\\", "1e999",
)  # fmt: skip
VERBS = (
    "status", "positions", "orders", "why", "pnl", "day", "halt", "reduce", "flatten", "resume", "help", "start",
    "open", "limits", "setstate", "RESUME", "resume@desk_bot", "",
)  # fmt: skip
TEXTS = ("telegram", "slack", "discord")


class Crowd:
    """Persons and strangers at their phones, who write anything, and send again what they saw before."""

    def __init__(self, desk: World, chance: Random) -> None:
        self._desk = desk
        self._chance = chance
        self._sent: list[Event] = []
        self._codes: list[str] = []
        self._number = 0
        self.statuses = Counter[int]()

    def call(self) -> None:
        """Send a request, and remember what it shows to be copied."""
        request = self._request()
        self._sent.append(request)
        answer = answered(self._desk.chat, request)
        self.statuses[answer.status] += 1
        text = json.dumps(answer.body)
        self._codes += [part.partition("</code>")[0].partition("`")[0] for part in _marked(text)]

    def _request(self) -> Event:
        if self._sent and self._chance.random() < 0.15:
            return self._damaged(self._chance.choice(self._sent[-self._chance.choice((6, 1_000)) :]))
        platform = self._chance.choices(TEXTS, (6, 3, 1))[0]
        users = [person.get(platform, "") for person in PERSONS.values()]
        user = self._chance.choice([user for user in users if user] + ["999" if platform == "telegram" else "T1/U9"])
        self._number += 1
        text, now = self._text(), self._desk.now
        if platform == "telegram":
            return by_telegram(update(text, user, self._number, now))
        if platform == "slack":
            return by_slack(slash(text.removeprefix("/"), user, self._number), now)
        return by_discord(interaction(text, user, self._number, in_server=self._chance.random() < 0.5), now)

    def _text(self) -> str:
        if self._codes and self._chance.random() < 0.4:
            return self._chance.choice(self._codes[-4:])
        if self._chance.random() < 0.2:
            return "/resume main reason"
        words = self._chance.choices(WORDS, k=self._chance.randrange(4))
        return " ".join([f"/{self._chance.choice(VERBS)}", *words])

    def _damaged(self, request: Event) -> Event:
        """A request as it was, or with one character of its body changed."""
        body = request["body"]
        if self._chance.random() < 0.5:
            return request
        at = self._chance.randrange(len(body))
        return request | {"body": body[:at] + self._chance.choice('x0&{"é') + body[at + 1 :]}


def _marked(text: str) -> list[str]:
    return [*text.split("<code>")[1:], *text.split("`/")[1:]]


def holdings(desk: World) -> Any:
    """The books that only trading changes."""
    books = desk.store.books("main")
    return books.account.cash, books.account.reserved, books.positions


def test_no_call_widens_risk_but_two_persons_in_two_steps():
    desk, chance = World(MemoryCloud().call, [], "chat"), Random(SEED)
    crowd, limits, before = Crowd(desk, chance), desk.desk.limits, holdings(desk)
    resumes = 0
    for _ in range(CALLS):
        state, pending = desk.halted(), desk.controls.pending("main")
        crowd.call()
        if state is not TradingState.ACTIVE and desk.halted() is TradingState.ACTIVE:
            (change,) = desk.bus.messages[-1:]
            assert pending is not None
            assert person_of(desk.desk.chat, change.actor) != person_of(desk.desk.chat, pending.principal)
            assert {change.actor, pending.principal} <= {chat_principal("anna"), chat_principal("bert")}
            resumes += 1
        assert desk.controls.permissions("spare").trading_state is None
        assert desk.desk.limits == limits
        assert holdings(desk) == before
        desk.now += timedelta(seconds=chance.randrange(90))
    actors = Counter(message.actor for message in desk.bus.messages)
    assert resumes >= 3, "nothing was resumed, so nothing was shown"
    assert {chat_principal(name) for name in ("anna", "bert", "carl")} == set(actors)
    assert {message.denied for message in desk.commands.messages} >= {"", "Not allowed", "Not understood"}
    assert crowd.statuses.keys() >= {200, 401, 409}
    assert 500 not in crowd.statuses
