"""A day of all five services with two accounts: one is halted and has tight limits, and the other one neither."""

from decimal import Decimal
from typing import Any

import msgspec

from fanfold.desk import Desk, Limits
from fanfold.simulation.schedules.whole_desk import WholeDesk
from fanfold.simulation.schedules.witness import MAIN, WRITES, Witness

OTHER = "other"
WIDE = Limits(
    order_notional_max=Decimal(4_000),
    position_notional_max=Decimal(6_000),
    daily_loss_max=Decimal(1),
    drawdown_max=Decimal(1),
)


class TwoAccounts(WholeDesk):
    """A desk on paper with a second account, whose strategies are those of the first under other names."""

    accounts = (MAIN, OTHER)

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self.desk = _with_a_second(self.desk)
        self.desks = [self.desk]
        self.neighbour = Witness(self.ledger, OTHER)

    def _carry_out(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        answer = super()._carry_out(service, operation, parameters)
        if operation in WRITES:
            self.neighbour.see(self.now, self.cloud.dynamodb.table("ledger"), operation, parameters)
        return answer


def _with_a_second(desk: Desk) -> Desk:
    replaced = msgspec.structs.replace
    second = {f"{name}-{OTHER}": replaced(desk.strategies[name], account=OTHER) for name in ("one", "two")}
    return replaced(
        desk,
        accounts=desk.accounts | {OTHER: desk.accounts[MAIN]},
        strategies=desk.strategies | second,
        limits=desk.limits | {OTHER: WIDE},
    )
