"""The record of a ledger in memory that each change is of; a commit has one change of each."""

from collections.abc import Callable
from typing import Any

from fanfold.ledger import changes as to
from fanfold.ledger.booking import trade
from fanfold.ledger.real_money import OweFee


def record_of(change: to.Change) -> object:
    """Return the key of the record that a change touches."""
    return _RECORDS[type(change)](change)


_RECORDS: dict[type, Callable[[Any], object]] = {
    to.OpenAccount: lambda change: ("account", change.account),
    to.SetTradingState: lambda change: ("account", change.message.account),
    to.SetBreach: lambda change: ("account", change.account),
    to.RequireTradingState: lambda change: ("account", change.account),
    to.ReserveCash: lambda change: ("account", change.before.account),
    to.MoveCash: lambda change: ("account", change.before.account),
    to.Rearm: lambda change: ("rearm", change.account),
    to.CreateOrder: lambda change: ("order", change.order.order_id),
    to.MoveOrder: lambda change: ("order", change.after.order.order_id),
    to.IndexOrder: lambda change: ("live", change.account, change.order_id),
    to.UnindexOrder: lambda change: ("live", change.account, change.order_id),
    to.BookTrade: lambda change: ("trade", trade(change.fill)),
    to.ExpectFill: lambda change: ("position", change.account, change.key),
    to.MovePosition: lambda change: ("position", change.account, change.key),
    to.PutLots: lambda change: ("lots", change.account, change.key, change.number),
    to.DropLots: lambda change: ("lots", change.account, change.key, change.number),
    to.HoldMessage: lambda change: ("message", change.message.id),
    to.RememberRequest: lambda change: ("request", change.request.principal, change.request.key),
    to.AwaitResume: lambda change: ("resume", change.pending.account),
    to.SpendResume: lambda change: ("resume", change.pending.account),
    to.VoidResume: lambda change: ("resume", change.account),
    to.Freeze: lambda change: ("doubt", change.account, change.instrument, change.source),
    to.Unfreeze: lambda change: ("doubt", change.account, change.instrument, change.source),
    to.AddFlow: lambda change: ("flow", change.account, change.currency),
    OweFee: lambda change: ("owed", change.account, change.currency),
    to.SetBaseline: lambda change: ("baseline", change.account, change.currency),
    to.MoveCursor: lambda change: ("cursor", change.account, change.instrument),
    to.NamePlaced: lambda change: ("placed", change.account, change.name),
    to.NoteExternal: lambda change: ("external", change.account, change.name),
    to.KeepRules: lambda change: ("rules", change.account, change.instrument),
    to.DropRules: lambda change: ("rules", change.account, change.instrument),
    to.RestStop: lambda change: ("stop", change.account, change.key),
    to.MoveStop: lambda change: ("stop", change.account, change.key),
}
