"""Handle an operator's commands on a live account: what a reconciliation would change, to apply it, to end an order."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fanfold.desk import Desk
from fanfold.errors import BadInput


class CommandedAccount(Protocol):
    """See execution_service.real."""

    def plan(self) -> list[str]: ...

    def reconcile(self) -> list[str]: ...

    def accept(self) -> list[str]: ...

    def end(self, order_id: str, why: str) -> list[str]: ...


def handle(
    event: Mapping[str, Any], desk: Desk, real: Callable[[str], CommandedAccount], note: Callable[..., None]
) -> dict[str, Any]:
    """Return the changes that a live account's reconciliation would make; with ``apply`` make them.

    Applied, the venue's balances count as right from then on. ``end`` names an order that nobody learns the end of. Of
    both the log has the operator's name and reason.
    """
    account, end = str(event["reconcile"]), str(event.get("end", ""))
    known = desk.accounts.get(account)
    if known is None or known.mode != "live":
        raise BadInput(f"{account!r} is no live account of the desk")
    if not (event.get("apply") or end):
        return {"account": account, "applied": False, "changes": real(account).plan()}
    actor, reason = (str(event.get(name, "")).strip() for name in ("actor", "reason"))
    if not actor or not reason:
        raise BadInput("to change something takes an actor and a reason: both go into the log")
    if end:
        changes = real(account).end(end, f"{actor} ended it: {reason}")
        note("an operator ended an order", account=account, order=end, actor=actor, why=reason)
    else:
        changes = [*real(account).reconcile(), *real(account).accept()]
        note("an operator reconciled", account=account, actor=actor, why=reason)
    return {"account": account, "applied": True, "changes": changes}
