"""The orders that may still fill, for a process that is asked again: each look reads what may have changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fanfold.audit.queries import DECISIONS, Fields, Reading, is_open, order_fields

# Orders live for minutes; one with an unknown outcome lives until somebody has dealt with its alarm.
FIRST_LOOK = timedelta(days=7)
# A decision may be recorded after later ones, while audit is behind.
LOOK_BACK = timedelta(hours=1)


class OpenOrders:
    """The open orders of accounts: those decided in the seven days before the first look, and all since."""

    def __init__(self, views: Reading) -> None:
        self._views = views
        self._open: dict[str, list[str]] = {}
        self._seen: dict[str, set[str]] = {}

    def of(self, account: str) -> list[Fields]:
        """Return the open orders of an account. What was closed at an earlier look is not read again."""
        decided = list(self._decided(account))
        fresh = [order_id for place, ids in decided if place not in self._seen.get(account, ()) for order_id in ids]
        orders = list(self._orders(account, list(dict.fromkeys([*fresh, *self._open.get(account, ())]))))
        self._seen[account] = {place for place, _ in decided}
        self._open[account] = [order["order_id"] for order in orders]
        return orders

    def _decided(self, account: str) -> Iterator[tuple[str, list[str]]]:
        """Yield the newest decisions, as far back as there may be one that no look has seen."""
        back, until = LOOK_BACK if account in self._seen else FIRST_LOOK, None
        for place, ids in self._views.decisions(account, ""):
            at = datetime.fromisoformat(place.partition("#")[0])
            until = until or at - back
            if at < until:
                return
            yield place, ids

    def _orders(self, account: str, ids: list[str]) -> Iterator[Fields]:
        for n in range(0, len(ids), DECISIONS):
            by_id = self._views.orders_by_id(account, ids[n : n + DECISIONS])
            yield from (order for order in (order_fields(*views) for views in by_id.values()) if is_open(order))
