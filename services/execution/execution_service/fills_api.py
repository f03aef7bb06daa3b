"""Accept fills of live accounts from outside: verify the signature, then book them as a poll would."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from execution_service.deliver import Delivered
from fanfold.api.problems import Problem, bad_request, not_found
from fanfold.api.requests import ApiRequest, decode_body
from fanfold.api.router import Reply, serve
from fanfold.api.schemas import DeliveredFill, FillsRequest, FillsTaken
from fanfold.api.webhooks import verify
from fanfold.desk import Desk
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.records import Charge
from fanfold.trading.answers import VenueTrade


class DeliveringAccount(Protocol):
    """See execution_service.real."""

    def deliver(self, trades: Sequence[VenueTrade], cause: str) -> Delivered: ...


class FillsReceiver:
    """The verb of execution for ``POST /fills``.

    No nonce is kept: a request that comes again books nothing again. ``real`` raises BadInput for an account that the
    stage does not let trade.
    """

    def __init__(
        self, desk: Desk, secrets: Callable[[], Sequence[bytes]], real: Callable[[str], DeliveringAccount]
    ) -> None:
        self._desk = desk
        self._secrets = secrets
        self._real = real

    def answer(self, event: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        return serve(event, {"fills": lambda request, _query: self._take(request, now)})

    def _take(self, request: ApiRequest, now: datetime) -> Reply:
        # The body is not decoded before its signature is verified.
        nonce = verify(request.headers, request.body, self._secrets(), now.timestamp())
        posted = decode_body(request, FillsRequest)
        account = self._account(posted.account)
        trades = [_trade(row, fill) for row, fill in enumerate(posted.fills)]
        try:
            delivered = self._real(account).deliver(trades, f"fills/{nonce}")
        except BadInput as wrong:
            raise Problem(403, "not-live", str(wrong)) from wrong
        except VenueUnavailable as wrong:
            raise Problem(503, "venue-unavailable", f"send them again: {wrong}") from wrong
        if delivered.wrong:
            raise Problem(409, "contradiction", f"nothing was booked: {'; '.join(delivered.wrong)}")
        return Reply(
            FillsTaken(
                account=account,
                booked=delivered.booked,
                known=delivered.known,
                external=delivered.external,
                waiting=delivered.waiting,
            ),
            202,
        )

    def _account(self, name: str) -> str:
        known = self._desk.accounts.get(name)
        if known is None:
            raise not_found(f"{name!r} is no account of the desk")
        if known.mode != "live":
            raise Problem(403, "not-live", f"account {name!r} trades on paper: its fills come of its bars")
        return name


def _trade(row: int, fill: DeliveredFill) -> VenueTrade:
    price, quantity, fee = Decimal(fill.price), Decimal(fill.quantity), Decimal(fill.fee)
    for field, amount in (("price", price), ("quantity", quantity)):
        if not amount:
            raise bad_request(f"the body: {field} is zero - at `$.fills[{row}].{field}`")
    if fee and not fill.fee_currency:
        raise bad_request(f"the body: a fee has a currency - at `$.fills[{row}].fee_currency`")
    return VenueTrade(
        trade_id=fill.trade_id,
        venue_order_id=fill.venue_order_id,
        client_order_id=fill.client_order_id,
        instrument=fill.instrument,
        side=fill.side,
        price=price,
        quantity=quantity,
        charges=(Charge(currency=fill.fee_currency, amount=fee),) if fee else (),
        liquidity=fill.liquidity,
        at=fill.at,
    )
