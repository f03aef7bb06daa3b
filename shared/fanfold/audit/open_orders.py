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
        orders = {} if account in self._looks else self._ended(account, decided)
        fresh = [each for place, ids in decided if place not in seen for each in ids if each not in orders]
        orders |= self._orders(account, list(dict.fromkeys([*fresh, *were_open])))
        still_open = [order for order in orders.values() if is_open(order)]
        # A decision is recorded before its orders are changed by it: until they are it is looked at again.
        whole = {
            place for place, ids in decided if place in seen or all(_is_of(orders.get(each), place) for each in ids)
        }
        # At once, for a local gateway looks on several threads.
        self._looks[account] = whole, [order["order_id"] for order in still_open]
        return still_open

    def _decided(self, account: str, back: timedelta) -> Iterator[tuple[str, list[str]]]:
        """Yield the newest decisions, as far back from the last as there may be one that no look has seen."""
        until = None
        for place, ids in self._views.decisions(account, ""):
            at = datetime.fromisoformat(place.partition("#")[0])
            until = until or at - back
            if at < until:
                return
            yield place, ids

    def _ended(self, account: str, decided: list[tuple[str, list[str]]]) -> dict[str, Fields]:
        """Return the orders that have ended since their last decision, by eventually consistent reads at half price.

        An end is never undone, so an old read of it is right; whatever else such a read says is not used.
        """
        last = {order_id: place for place, ids in reversed(decided) for order_id in ids}
        orders = self._orders(account, list(last), consistent=False)
        return {each: order for each, order in orders.items() if _is_of(order, last[each]) and not is_open(order)}

    def _orders(self, account: str, ids: list[str], *, consistent: bool = True) -> dict[str, Fields]:
        parts = [ids[n : n + DECISIONS] for n in range(0, len(ids), DECISIONS)]
        read = [self._views.orders_by_id(account, part, consistent=consistent) for part in parts]
        return {order_id: order_fields(*views) for part in read for order_id, views in part.items()}


def _is_of(order: Fields | None, place: str) -> bool:
    return order is not None and place.endswith(f"#{order['message_id']}")
