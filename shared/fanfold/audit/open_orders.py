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
        # By account, of the last look: the places of the decisions that it read, and the orders that were open.
        self._looks: dict[str, tuple[set[str], list[str]]] = {}

    def of(self, account: str) -> list[Fields]:
        """Return the open orders of an account. What was closed at an earlier look is not read again."""
        back = LOOK_BACK if account in self._looks else FIRST_LOOK
        seen, were_open = self._looks.get(account, (set(), []))
        decided = list(self._decided(account, back))
        fresh = [order_id for place, ids in decided if place not in seen for order_id in ids]
        orders = list(self._orders(account, list(dict.fromkeys([*fresh, *were_open]))))
        # At once, for a local gateway looks on several threads.
        self._looks[account] = {place for place, _ in decided}, [order["order_id"] for order in orders]
        return orders

    def _decided(self, account: str, back: timedelta) -> Iterator[tuple[str, list[str]]]:
        """Yield the newest decisions, as far back from the last as there may be one that no look has seen."""
        until = None
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
