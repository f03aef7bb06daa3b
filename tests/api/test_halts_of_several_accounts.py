"""A halt of several accounts reaches each of them, whatever fails at one, or as the changes are published."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.errors import AT_ONCE
from fanfold.ledger.changes import OpenAccount, SetTradingState
from fanfold.ledger.controls import LedgerControls
from fanfold.ledger.requests import Remembered
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.simulation.ledger_store import MemoryLedgerStore
from support.api_desk import NOW

ACCOUNTS = ("a", "b", "c")
REQUEST = Remembered(principal="anna", key="key-00000001", digest="", status=200, body="")


class BadHour(Exception):
    """A fault that passes."""


class Failing(MemoryLedgerStore):
    """A store whose commits of one account's trading state fail, or whose messages find no topic."""

    def __init__(self, at: str) -> None:
        super().__init__(self._tell)
        self.at = at
        self.published: list[Any] = []
        self.commit([OpenAccount(account, Decimal(1_000)) for account in ACCOUNTS])

    def _tell(self, messages: Sequence[Any]) -> None:
        if self.at == "publishing":
            raise BadHour
        self.published += messages

    def commit(self, changes: Sequence[Any]) -> None:
        first = changes[0]
        if isinstance(first, SetTradingState) and first.message.account == self.at:
            raise BadHour
        super().commit(changes)


def halt(store: Failing) -> None:
    changed = {"cause": "x", "at": NOW, "state": TradingState.HALTED, "reason": "r", "actor": "anna"}
    messages = [
        msgspec.convert(changed | {"id": f"halt-{account}", "account": account}, TradingStateChanged)
        for account in ACCOUNTS
    ]
    LedgerControls(store, AT_ONCE).halt(messages, lambda _left: REQUEST, NOW)


@pytest.mark.parametrize("at", ["publishing", *ACCOUNTS])
def test_what_fails_keeps_no_other_account_from_it(at: str) -> None:
    store = Failing(at)
    with pytest.raises(BadHour):
        halt(store)
    reached = [account for account in ACCOUNTS if account != at]
    states = {account: store.permissions(account).trading_state for account in ACCOUNTS}
    assert [account for account, state in states.items() if state is TradingState.HALTED] == reached
    assert [message.account for message in store.published] == ([] if at == "publishing" else reached)


def test_a_request_that_set_every_account_is_done_though_nothing_was_published() -> None:
    store = Failing("publishing")
    with pytest.raises(BadHour):
        halt(store)
    assert store.remembered(REQUEST.principal, REQUEST.key) == REQUEST
    assert sorted(store.held) == [f"halt-{account}" for account in ACCOUNTS]


@pytest.mark.parametrize("at", ACCOUNTS)
def test_a_request_that_failed_at_an_account_is_done_once_it_comes_again(at: str) -> None:
    store = Failing(at)
    with pytest.raises(BadHour):
        halt(store)
    assert store.remembered(REQUEST.principal, REQUEST.key) is None
    store.at = ""
    halt(store)
    assert store.remembered(REQUEST.principal, REQUEST.key) == REQUEST
    assert {store.permissions(account).trading_state for account in ACCOUNTS} == {TradingState.HALTED}
