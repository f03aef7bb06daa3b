"""Views of fills: what they moved, cost and earned, and the worth of accounts."""

from fanfold.audit.lake_schema import Type
from fanfold.audit.lake_view import LakeView

_LEG: dict[str, tuple[Type, str]] = {
    "account": ("string", "account"),
    "venue": ("string", "venue"),
    "instance": ("string", "strategy instance"),
    "instrument": ("string", "instrument"),
}

FILLS = LakeView(
    name="fills",
    about="Each fill once, with what it moved, in the account's currency.",
    columns={
        **_LEG,
        "order_id": ("string", "order"),
        "trade_id": ("string", "the venue's id of the trade"),
        "side": ("string", "buy or sell"),
        "price": ("decimal(38,18)", "price"),
        "quantity": ("decimal(38,18)", "amount in the base currency"),
        "value": ("decimal(38,18)", "price times quantity"),
        "received": ("decimal(38,18)", "what the position grew by, less a fee in the base currency; a sale is below 0"),
        "fees": ("decimal(38,18)", "all fees; one in a third currency at its worth when booked, where that was known"),
        "fees_other": ("decimal(38,18)", "of these, what was charged in third currencies: no cash was paid for it"),
        "paid": ("decimal(38,18)", "what the fill took out of the account, with its fees: below zero for a sale"),
        "liquidity": ("string", "maker or taker"),
        "at": ("timestamp", "when it filled; on paper, the close of its bar"),
        "cash": ("decimal(38,18)", "the account's cash after the fill's report; null in files of before this column"),
        "version": ("bigint", "version of the account's books after that report"),
        "reported_at": ("timestamp", "when the report was sent; null in files of before this column"),
        "day": ("string", "UTC day; a fill at midnight is of the day that ends"),
        "dt": ("string", "partition: the UTC date of at"),
    },
    text="""
WITH once AS (
  SELECT account, venue, instance, instrument, order_id, trade_id, side, price, quantity, fee, liquidity, at, cash,
    version, sent_at, dt, COALESCE(fee_base, CAST(0 AS decimal(38,18))) AS fee_base,
    COALESCE(fee_other, CAST(0 AS decimal(38,18))) AS fee_other,
    row_number() OVER (PARTITION BY account, instrument, trade_id, dt ORDER BY at, message_id) AS copy
  FROM trades
), valued AS (
  SELECT account, venue, instance, instrument, order_id, trade_id, side, price, quantity, fee, fee_base, fee_other,
    liquidity, at, cash, version, sent_at, dt, exact_product(price, quantity) AS value,
    fee + exact_product(price, fee_base) + fee_other AS fees
  FROM once WHERE copy = 1
)
SELECT account, venue, instance, instrument, order_id, trade_id, side, price, quantity, value,
  CASE WHEN side = 'buy' THEN quantity ELSE -quantity END - fee_base AS received, fees,
  fee_other AS fees_other, CASE WHEN side = 'buy' THEN value ELSE -value END + fee + fee_other AS paid, liquidity, at,
  cash, version, sent_at AS reported_at, date_format(date_add('millisecond', -1, at), '%Y-%m-%d') AS day, dt
FROM valued
""",
)

PNL_BY_DAY = LakeView(
    name="pnl_by_day",
    about="Profit and loss by strategy and UTC day, net of fees, with what is not realised: a position is worth the"
    " day's last close, or the one before where the day has none.",
    columns={
        **_LEG,
        "day": ("string", "UTC day; what happens at midnight is of the day that ends"),
        "fills": ("bigint", "fills of the day"),
        "fees": ("decimal(38,18)", "fees of the day"),
        "position": ("decimal(38,18)", "position at the end of the day"),
        "close": ("decimal(38,18)", "price at which it is valued"),
        "pnl": ("decimal(38,18)", "worth at the end, less worth at the beginning, less what fills took out"),
    },
    text="""
WITH closes AS (
  SELECT venue, instrument, day, max_by(close, closes_at) AS close
  FROM closed_bars WHERE shortest = 1 GROUP BY venue, instrument, day
), legs AS (
  SELECT account, venue, instance, instrument, min(day) AS first_day
  FROM fills GROUP BY account, venue, instance, instrument
), filled AS (
  SELECT account, venue, instance, instrument, day, count(NULLIF(quantity, 0)) AS fills, sum(fees) AS fees,
    sum(received) AS received, sum(paid) AS paid, max_by(price, at) AS price
  FROM fills GROUP BY account, venue, instance, instrument, day
), days AS (
  SELECT legs.account, legs.venue, legs.instance, legs.instrument, closes.day
  FROM legs JOIN closes ON closes.venue = legs.venue AND closes.instrument = legs.instrument
    AND closes.day >= legs.first_day
  UNION
  SELECT account, venue, instance, instrument, day FROM filled
), held AS (
  SELECT days.account, days.venue, days.instance, days.instrument, days.day,
    COALESCE(filled.fills, 0) AS fills, COALESCE(filled.fees, CAST(0 AS decimal(38,18))) AS fees,
    COALESCE(filled.paid, CAST(0 AS decimal(38,18))) AS paid,
    sum(COALESCE(filled.received, CAST(0 AS decimal(38,18)))) OVER (
      PARTITION BY days.account, days.venue, days.instance, days.instrument ORDER BY days.day
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS position,
    last_value(COALESCE(closes.close, filled.price)) IGNORE NULLS OVER (
      PARTITION BY days.account, days.venue, days.instance, days.instrument ORDER BY days.day
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS close
  FROM days
  LEFT JOIN filled ON filled.account = days.account AND filled.venue = days.venue
    AND filled.instance = days.instance AND filled.instrument = days.instrument AND filled.day = days.day
  LEFT JOIN closes ON closes.venue = days.venue AND closes.instrument = days.instrument AND closes.day = days.day
), worth AS (
  SELECT account, venue, instance, instrument, day, fills, fees, paid, position, close,
    exact_product(close, position) AS worth
  FROM held
), changed AS (
  SELECT account, venue, instance, instrument, day, fills, fees, paid, position, close, worth,
    lag(worth) OVER (PARTITION BY account, venue, instance, instrument ORDER BY day) AS before
  FROM worth
)
SELECT account, venue, instance, instrument, day, fills, fees, position, close,
  worth - COALESCE(before, CAST(0 AS decimal(38,18))) - paid AS pnl
FROM changed
WHERE fills > 0 OR position <> 0 OR before <> 0
""",
)

FEES_BY_VENUE = LakeView(
    name="fees_by_venue",
    about="Fees by UTC day, venue and liquidity, and in basis points of what was turned over.",
    columns={
        "account": _LEG["account"],
        "venue": _LEG["venue"],
        "liquidity": ("string", "maker or taker"),
        "day": ("string", "UTC day; a fill at midnight is of the day that ends"),
        "fills": ("bigint", "fills"),
        "turnover": ("decimal(38,18)", "sum of price times quantity"),
        "fees": ("decimal(38,18)", "sum of fees"),
        "fees_bps": ("double", "fees / turnover, in basis points"),
    },
    text="""
SELECT account, venue, liquidity, day, count(NULLIF(quantity, 0)) AS fills, sum(value) AS turnover, sum(fees) AS fees,
  10000 * CAST(sum(fees) AS double) / NULLIF(CAST(sum(value) AS double), 0) AS fees_bps
FROM fills
GROUP BY account, venue, liquidity, day
""",
)

# Funds are the cash after a report and what fills had taken until then: what was put in. Less what was taken by a given
# time they are the cash of that time, also where a fill was reported after later ones.
PORTFOLIO_VALUE = LakeView(
    name="portfolio_value",
    about="Worth of an account at each close of a bar of what it trades, from its first fill on: its value at a "
    "given time is that of the last row until then.",
    columns={
        "account": _LEG["account"],
        "at": ("timestamp", "close of the bar"),
        "cash": (
            "decimal(38,18)",
            "the account's cash by then, whenever its fills were reported; null in files of before this column",
        ),
        "positions": ("decimal(38,18)", "worth of all positions at their last closes"),
        "value": ("decimal(38,18)", "cash and positions"),
        "dt": ("string", "the UTC date of at"),
    },
    text="""
WITH spent AS (
  SELECT account, venue, instrument, at, COALESCE(version, 0) AS version, received, price, cash,
    paid - fees_other AS spent,
    sum(paid - fees_other) OVER (PARTITION BY account ORDER BY COALESCE(version, 0)) AS spent_by_then
  FROM fills
), legs AS (
  SELECT DISTINCT account, venue, instrument FROM spent
), steps AS (
  SELECT account, venue, instrument, at, 0 AS step, version, received, spent, cash + spent_by_then AS funds, price,
    CAST(NULL AS decimal(38,18)) AS close FROM spent
  UNION ALL
  SELECT legs.account, legs.venue, legs.instrument, closed_bars.closes_at, 1, CAST(NULL AS bigint),
    CAST(0 AS decimal(38,18)), CAST(0 AS decimal(38,18)), CAST(NULL AS decimal(38,18)), CAST(NULL AS decimal(38,18)),
    closed_bars.close
  FROM legs JOIN closed_bars ON closed_bars.venue = legs.venue AND closed_bars.instrument = legs.instrument
  WHERE closed_bars.shortest = 1
), held AS (
  SELECT account, venue, instrument, at, step, version, spent, funds,
    sum(received) OVER (PARTITION BY account, venue, instrument ORDER BY at, step, version
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS position,
    COALESCE(last_value(close) IGNORE NULLS OVER (PARTITION BY account, venue, instrument ORDER BY at, step, version
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), price) AS close
  FROM steps
), worth AS (
  SELECT account, venue, instrument, at, step, version, spent, funds, exact_product(close, position) AS worth FROM held
), changed AS (
  SELECT account, at, step, version, spent, funds,
    worth - COALESCE(lag(worth) OVER (PARTITION BY account, venue, instrument ORDER BY at, step, version),
      CAST(0 AS decimal(38,18))) AS change
  FROM worth
), summed AS (
  SELECT account, at, step,
    max_by(funds, CASE WHEN funds IS NOT NULL THEN version END) OVER (PARTITION BY account ORDER BY at, step)
      - sum(spent) OVER (PARTITION BY account ORDER BY at, step) AS cash,
    sum(change) OVER (PARTITION BY account ORDER BY at, step) AS positions,
    sum(1 - step) OVER (PARTITION BY account ORDER BY at, step) AS fills
  FROM changed
)
SELECT DISTINCT account, at, cash, positions, cash + positions AS value, date_format(at, '%Y-%m-%d') AS dt
FROM summed WHERE step = 1 AND fills > 0
""",
)
