"""The exchange's symbols with their rules, and the filters that an order must pass."""

from decimal import Decimal
from typing import Any

import msgspec

from fanfold import money
from fanfold.desk import Instrument
from fanfold.exchange.refusals import ExchangeRefusal, filtered, text8
from fanfold.money import exact

ORDER_TYPES = (
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
)  # fmt: skip
PREVENTIONS = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
DEFAULT_PREVENTION = "EXPIRE_MAKER"
PRICE_MAX = Decimal(1_000_000)
LOTS_MAX = 1_000_000_000
MARKET_LOTS_MAX = 100_000_000
NOTIONAL_MAX = Decimal(9_000_000)
# How many orders of an account may be open in a symbol, and of them how many that wait for a trigger or did.
ORDERS_MAX, ALGO_ORDERS_MAX = 200, 5
# The groups of accounts that may trade a symbol: as many as Binance names, which are two thirds of its answer.
PERMISSIONS = ["SPOT", *(f"TRD_GRP_{number:03}" for number in range(4, 252))]
# How far a price may be from the last: as a factor of it, whichever side.
NEAR, FAR = Decimal("0.2"), Decimal(5)


class Listing(msgspec.Struct, kw_only=True):
    """A symbol: what is fixed, and what an exchange changes: its steps and its status."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    notional_min: Decimal
    status: str = "TRADING"

    @classmethod
    def of(cls, instrument: Instrument) -> "Listing":
        return cls(
            symbol=instrument.base + instrument.quote,
            base=instrument.base,
            quote=instrument.quote,
            tick=instrument.tick,
            lot=instrument.lot,
            notional_min=max(instrument.notional_min, Decimal(5)),
        )

    def check_trading(self) -> None:
        if self.status != "TRADING":
            raise ExchangeRefusal(-1013, "Market is closed.")

    @exact
    def check_price(self, price: Decimal, last: Decimal | None, *, by_side: bool) -> None:
        """Raise ExchangeRefusal for a price off the ticks, or, of an order in the book, too far from the last."""
        if not self.tick <= price <= PRICE_MAX or price % self.tick:
            raise filtered("PRICE_FILTER")
        if by_side and last is not None and not last * NEAR <= price <= last * FAR:
            raise filtered("PERCENT_PRICE_BY_SIDE")

    @exact
    def check_quantity(self, quantity: Decimal, *, at_market: bool) -> None:
        if not self.lot <= quantity <= self.lot * LOTS_MAX or quantity % self.lot:
            raise filtered("LOT_SIZE")
        if at_market and quantity > self.lot * MARKET_LOTS_MAX:
            raise filtered("MARKET_LOT_SIZE")

    @exact
    def check_notional(self, price: Decimal | None, quantity: Decimal) -> None:
        if price is not None and not self.notional_min <= price * quantity <= NOTIONAL_MAX:
            raise filtered("NOTIONAL")

    def coarsen(self) -> None:
        """Make tick and lot ten times as large, as an exchange does without asking."""
        self.tick = money.EXACT.multiply(self.tick, Decimal(10))
        self.lot = money.EXACT.multiply(self.lot, Decimal(10))

    def document(self) -> dict[str, Any]:
        """Return the symbol as exchangeInfo tells it."""
        return {
            "symbol": self.symbol,
            "status": self.status,
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(ORDER_TYPES),
            **dict.fromkeys(("icebergAllowed", "otoAllowed", "opoAllowed", "allowTrailingStop"), False),
            **dict.fromkeys(("ocoAllowed", "quoteOrderQtyMarketAllowed", "cancelReplaceAllowed"), True),
            **dict.fromkeys(("amendAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed"), False),
            "isSpotTradingAllowed": True,
            "filters": self._filters(),
            "permissions": [],
            "permissionSets": [PERMISSIONS],
            "defaultSelfTradePreventionMode": DEFAULT_PREVENTION,
            "allowedSelfTradePreventionModes": list(PREVENTIONS),
        }

    def _filters(self) -> list[dict[str, Any]]:
        lot, tick, multiply = text8(self.lot), text8(self.tick), money.EXACT.multiply
        most, market = (text8(multiply(self.lot, Decimal(lots))) for lots in (LOTS_MAX, MARKET_LOTS_MAX))
        sides = {f"{side}Multiplier{end}": str(bound) for side in ("bid", "ask") for end, bound in _BOUNDS.items()}
        return [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text8(PRICE_MAX), "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": most, "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": market, "stepSize": "0.00000000"},
            {"filterType": "PERCENT_PRICE_BY_SIDE", **sides, "avgPriceMins": 0},
            {
                "filterType": "NOTIONAL",
                "minNotional": text8(self.notional_min),
                "applyMinToMarket": True,
                "maxNotional": text8(NOTIONAL_MAX),
                "applyMaxToMarket": True,
                "avgPriceMins": 0,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": ORDERS_MAX},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": ALGO_ORDERS_MAX},
        ]


_BOUNDS = {"Up": FAR, "Down": NEAR}
