"""The books of an account as they are stored, and the snapshot of them that risk decides on."""

from decimal import Decimal

import msgspec

from fanfold.ledger.positions import Position
from fanfold.ledger.real_money import RealMoney
from fanfold.messages import TradingState
from fanfold.money import EXACT, ZERO, exact
from fanfold.risk.exposure import AccountSnapshot, Exposure, PositionKey
from fanfold.risk.poll import PollState


class StoredAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The scalars of an account. Every change increments ``version``, so a write based on old figures fails."""

    account: str
    trading_state: TradingState | None
    cash: Decimal
    reserved: Decimal
    minute: int
    orders_in_minute: int
    version: int
    trading_state_cause: str = ""
    breach: str = ""


class StoredPosition(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A leg's position, and the signed quantity that its live orders may still fill, of which ``sales``."""

    position: Position
    open: Decimal
    sales: Decimal = ZERO

    @property
    def exposure(self) -> Exposure:
        """The position as risk reads it; of one that is kept in memory its lots are summed once."""
        # Not a cached property, whose lock takes longer than most positions.
        kept: dict[str, Exposure] = self.__dict__
        if "exposure" not in kept:
            own = self.position
            quantity, cost = own.totals
            kept["exposure"] = Exposure(
                quantity=quantity,
                open=self.open,
                both_sides=max(min(-self.sales, EXACT.subtract(self.open, self.sales)), ZERO),
                cost=cost,
                realised=own.realised,
                fees=own.fees,
                other_fees=own.other_fees,
            )
        return kept["exposure"]


class AccountBooks(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its positions, as of one read. The account is None if it was never opened.

    ``real`` is what is known of an account of a real venue.
    """

    account: StoredAccount | None
    positions: dict[PositionKey, StoredPosition]
    real: RealMoney = RealMoney()


@exact
def snapshot(account: str, books: AccountBooks, gathered: PollState) -> AccountSnapshot:
    """Return the snapshot that risk decides on. An account that was never opened has no trading state: no trade."""
    stored, carried = books.account, gathered.carried
    if stored is None:
        return AccountSnapshot(account=account, trading_state=None, cash=ZERO, marks=gathered.marks)
    return AccountSnapshot(
        account=account,
        trading_state=stored.trading_state,
        trading_state_cause=stored.trading_state_cause,
        breach=stored.breach,
        cash=stored.cash,
        reserved=stored.reserved,
        peak_equity=carried.peak_equity,
        day=carried.day,
        day_start_equity=carried.day_start_equity,
        last_equity=carried.last_equity,
        rearmed=gathered.rearmed,
        minute=stored.minute,
        orders_in_minute=stored.orders_in_minute,
        held={leg: stored_position.exposure for leg, stored_position in books.positions.items()},
        marks=gathered.marks,
        frozen=books.real.frozen_instruments,
        rules=books.real.rules,
        stops=books.real.stops,
        version=stored.version,
    )


def position(books: AccountBooks, leg: PositionKey) -> Position:
    """Return the position of a leg; of a leg without one, an empty position."""
    item = books.positions.get(leg)
    return item.position if item else Position()
