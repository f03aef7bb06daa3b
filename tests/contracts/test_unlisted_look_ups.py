"""A look-up of an instrument that is not listed any more tells nothing of the order; least of all that it is absent."""

import time
from datetime import UTC, datetime

import pytest
from test_trading_in_the_box import box, trading

from fanfold.errors import VenueUnavailable
from fanfold.exchange import server
from fanfold.simulation import market
from support.keyed_exchange import order

LISTED, DELISTED = "BTC/USDT", "ETH/USDT"
BARS = 120


def test_what_was_answered_of_another_order_is_no_proof_of_absence() -> None:
    start = int(time.time()) // 60 * 60 - BARS * 60
    with server.serve(market.market(7, [LISTED, DELISTED], BARS, start)) as served:
        venue = trading(served)
        assert venue.find(order(instrument=DELISTED)) is None
        box(served, "faults", {"fault": "delisting", "method": "GET", "path": "/api/v3/account"})
        venue.balances()
        assert venue.rules(DELISTED, datetime.now(UTC)) is None
        # The exchange says of this order that it has none like it; of the next it is not asked.
        assert venue.find(order(instrument=LISTED)) is None
        with pytest.raises(VenueUnavailable, match="not traded"):
            venue.find(order(instrument=DELISTED))
