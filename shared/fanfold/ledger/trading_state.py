"""The orders that an account's trading state allows to be sent, and to stay open. Without a state, none is sent."""

from datetime import datetime

import msgspec

from fanfold.messages import Order, TradingState


class OrderPermissions(msgspec.Struct, frozen=True):
    """The trading state of an account, None where it has none, and since when; None where it was always the first.

    ``breach`` says which loss limit is broken, "" where none is: then nothing may add to a position.
    """

    trading_state: TradingState | None
    since: datetime | None = None
    breach: str = ""

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
