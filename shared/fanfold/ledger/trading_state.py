"""The orders that an account's trading state allows to be sent, and to stay open. Without a state, none is sent.

Trading states have an order, by what is at risk in the end. A stricter one may be set at any time; a looser one only
by who names the change that it replaces. So it does not matter which of two commands of one moment comes first.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec

from fanfold.messages import Order, TradingState

# The least strict first: HALTED leaves positions open, FLATTENING none.
STRICTNESS = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED, TradingState.FLATTENING)
# Characters of a change's id by which people name it.
CODE_LENGTH = 8


def no_stricter(state: TradingState) -> tuple[TradingState, ...]:
    """Return the states that a state may take the place of whoever set them, itself among them."""
    return STRICTNESS[: STRICTNESS.index(state) + 1]


class OrderPermissions(msgspec.Struct, frozen=True):
    """The trading state of an account, None where it has none, and since when; None where it was always the first.

    ``breach`` says which loss limit is broken, "" where none is: then nothing may add to a position. ``change`` is the
    id of the message that set the state, and ``actor`` who did; both are "" for the first.
    """

    trading_state: TradingState | None
    since: datetime | None = None
    breach: str = ""
    change: str = ""
    actor: str = ""

    def named_by(self, codes: Collection[str]) -> str:
        """Return the change that set the state if one of the codes, ids or beginnings of ids, names it, else ""."""
        return self.change if any(len(code) >= CODE_LENGTH and self.change.startswith(code) for code in codes) else ""

    @property
    def in_force(self) -> str:
        """The state, since when, and who set it, as people read it behind an account's name."""
        since = f" since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        return f"is {self.trading_state}{since}" + (f", set by {self.actor}" if self.actor else "")

    def instead_of(self, wanted: TradingState) -> str:
        """Return what to say to who wanted a looser state and did not name this one."""
        return (
            f"{self.in_force}, which is stricter than {wanted}: it was left so. "
            f"To replace it all the same, name it: {self.change[:CODE_LENGTH]}"
        )

    def after(self, now: datetime) -> datetime:
        """Return the time of a change that comes now: never before the last, whatever the clock of its process says."""
        return now if self.since is None else max(now, self.since)

    def bars_resting(self, order: Order) -> str:
        """Return why an order must be cancelled at its venue, or "".

        Entries only stay under ACTIVE. Under FLATTENING an exit stays that was decided since: it closes what is held,
        and one from before would stand in its way.
        """
        before = self.since is not None and order.decided_at < self.since
        stays = order.reduce_only and not (self.trading_state is TradingState.FLATTENING and before)
        if stays or (self.trading_state is TradingState.ACTIVE and not self.breach):
            return ""
        return self._reason()

    def bars_sending(self, order: Order) -> str:
        """Return why an order must not be sent, or ""."""
        return self._reason() if self.trading_state in (None, TradingState.HALTED) else self.bars_resting(order)

    def _reason(self) -> str:
        if self.trading_state is TradingState.ACTIVE:
            return self.breach
        return f"the account is {self.trading_state}" if self.trading_state else "the account has no trading state"
