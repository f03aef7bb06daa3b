"""Views of orders: what became of them, what they cost against prices that were seen, and how long each hop took."""

from fanfold.audit.lake_schema import Type
from fanfold.audit.lake_view import LakeView

_ORDER: dict[str, tuple[Type, str]] = {
    "account": ("string", "account"),
    "venue": ("string", "venue"),
    "instance": ("string", "strategy instance"),
    "instrument": ("string", "instrument"),
    "order_id": ("string", "order"),
}
_BUILT_DAY: dict[str, tuple[Type, str]] = {"dt": ("string", "partition: the UTC date of the bar that risk decided on")}
_FILL_DAY: dict[str, tuple[Type, str]] = {"dt": ("string", "partition: the UTC date of the fill")}

ORDER_RESULTS = LakeView(
    name="order_results",
    about="Each approved order once, with what became of it.",
    columns={
        **_ORDER,
        "signal_id": ("string", "target that it comes of"),
        "side": ("string", "buy or sell"),
        "kind": ("string", "market, limit or stop"),
        "quantity": ("decimal(38,18)", "amount that was ordered"),
        "reference_price": ("decimal(38,18)", "price at which risk decided"),
        "at": ("timestamp", "close of the bar that risk decided on"),
        "decided_at": ("timestamp", "when it decided; null in files of before this column"),
        "approved_at": ("timestamp", "when the approval was sent; null in files of before this column"),
        "state": ("string", "newest state"),
        "reported_at": ("timestamp", "when its first report was sent; null in files of before this column"),
        "ended_at": ("timestamp", "time of the event that ended it; null while it may fill"),
        "fills": ("bigint", "fills"),
        "filled": ("decimal(38,18)", "amount that filled"),
        "value": ("decimal(38,18)", "sum of price times quantity of its fills"),
        "fees": ("decimal(38,18)", "fees of its fills"),
        **_BUILT_DAY,
    },
    text="""
WITH approved AS (
  SELECT account, venue, instance, instrument, order_id, signal_id, side, kind, quantity, reference_price, at,
    decided_at, sent_at, dt,
    row_number() OVER (PARTITION BY account, order_id, dt ORDER BY at, event_id) AS copy
  FROM orders WHERE state = 'APPROVED'
), reports AS (
  SELECT account, order_id, state, at, sent_at,
    CASE state WHEN 'SUBMITTING' THEN 1 WHEN 'OPEN' THEN 2 WHEN 'PARTIAL' THEN 3 WHEN 'FILLED' THEN 5 ELSE 4 END AS step
  FROM orders WHERE state <> 'APPROVED' AND state <> 'REFUSED'
), newest AS (
  SELECT account, order_id, max_by(state, step) AS state, min(sent_at) AS reported_at,
    max(CASE WHEN step >= 4 THEN at END) AS ended_at
  FROM reports GROUP BY account, order_id
), filled AS (
  SELECT account, order_id, count(*) AS fills, sum(quantity) AS filled, sum(value) AS value, sum(fees) AS fees
  FROM fills GROUP BY account, order_id
)
SELECT approved.account, approved.venue, approved.instance, approved.instrument, approved.order_id, approved.signal_id,
  approved.side, approved.kind, approved.quantity, approved.reference_price, approved.at, approved.decided_at,
  approved.sent_at AS approved_at, COALESCE(newest.state, 'APPROVED') AS state, newest.reported_at, newest.ended_at,
  COALESCE(filled.fills, 0) AS fills, COALESCE(filled.filled, CAST(0 AS decimal(38,18))) AS filled,
  COALESCE(filled.value, CAST(0 AS decimal(38,18))) AS value,
  COALESCE(filled.fees, CAST(0 AS decimal(38,18))) AS fees, approved.dt
FROM approved
LEFT JOIN newest ON newest.account = approved.account AND newest.order_id = approved.order_id
LEFT JOIN filled ON filled.account = approved.account AND filled.order_id = approved.order_id
WHERE approved.copy = 1
""",
)

FILL_RATIO = LakeView(
    name="fill_ratio",
    about="Orders by UTC date of their decision and leg, and how much of them filled.",
    columns={
        **{name: column for name, column in _ORDER.items() if name != "order_id"},
        "orders": ("bigint", "approved orders"),
        "filled_whole": ("bigint", "orders that filled whole"),
        "filled_partly": ("bigint", "orders of which a part filled"),
        "unfilled": ("bigint", "orders of which nothing filled"),
        "open_orders": ("bigint", "orders among all of these that may still fill"),
        "quantity": ("decimal(38,18)", "amount that was ordered"),
        "filled": ("decimal(38,18)", "amount that filled"),
        "ratio": ("double", "filled / quantity"),
        **_BUILT_DAY,
    },
    text="""
SELECT account, venue, instance, instrument, count(*) AS orders,
  count(CASE WHEN filled >= quantity THEN 1 END) AS filled_whole,
  count(CASE WHEN filled > 0 AND filled < quantity THEN 1 END) AS filled_partly,
  count(CASE WHEN filled = 0 THEN 1 END) AS unfilled,
  count(CASE WHEN ended_at IS NULL THEN 1 END) AS open_orders,
  sum(quantity) AS quantity, sum(filled) AS filled,
  CAST(sum(filled) AS double) / NULLIF(CAST(sum(quantity) AS double), 0) AS ratio, dt
FROM order_results
GROUP BY account, venue, instance, instrument, dt
""",
)

LATENCY = LakeView(
    name="latency",
    about="Time of each hop of an order, in milliseconds, by the times at which messages were sent. Null where a "
    "message is missing, or its file is of before those times.",
    columns={
        **_ORDER,
        "closed_at": ("timestamp", "close of the bar that risk decided on"),
        "publish_ms": (
            "bigint",
            "from the close to the message of the bar; only of use where the run's clock is the wall's",
        ),
        "signal_ms": ("bigint", "from there to the target"),
        "risk_ms": ("bigint", "from there to the approval"),
        "execution_ms": ("bigint", "from there to the first report of the order"),
        "total_ms": ("bigint", "from the close to that report; as publish_ms"),
        **_BUILT_DAY,
    },
    text="""
WITH targets AS (
  SELECT account, signal_id, instrument, timeframe, at, min(sent_at) AS sent_at
  FROM signals GROUP BY account, signal_id, instrument, timeframe, at
)
SELECT order_results.account, order_results.venue, order_results.instance, order_results.instrument,
  order_results.order_id, order_results.at AS closed_at,
  date_diff('millisecond', closed_bars.closes_at, closed_bars.published_at) AS publish_ms,
  date_diff('millisecond', closed_bars.published_at, targets.sent_at) AS signal_ms,
  date_diff('millisecond', targets.sent_at, order_results.approved_at) AS risk_ms,
  date_diff('millisecond', order_results.approved_at, order_results.reported_at) AS execution_ms,
  date_diff('millisecond', order_results.at, order_results.reported_at) AS total_ms, order_results.dt
FROM order_results
LEFT JOIN targets ON targets.account = order_results.account AND targets.signal_id = order_results.signal_id
LEFT JOIN closed_bars ON closed_bars.venue = order_results.venue AND closed_bars.instrument = targets.instrument
  AND closed_bars.timeframe = targets.timeframe AND closed_bars.closes_at = targets.at
""",
)

SLIPPAGE = LakeView(
    name="slippage",
    about="Each fill against the price at which risk decided, and against the mean price of its bar; what costs is "
    "positive.",
    columns={
        **_ORDER,
        "trade_id": ("string", "the venue's id of the trade"),
        "side": ("string", "buy or sell"),
        "liquidity": ("string", "maker or taker"),
        "quantity": ("decimal(38,18)", "amount that filled"),
        "price": ("decimal(38,18)", "price at which it filled"),
        "arrival": ("decimal(38,18)", "price at which risk decided; null for a fill of no order of the desk"),
        "cost": ("decimal(38,18)", "what it cost against arrival, without fees"),
        "arrival_bps": ("double", "the same in basis points of arrival"),
        "bar_closes_at": ("timestamp", "close of the bar in which it filled, of the shortest of its day"),
        "bar_length_s": ("bigint", "length of that bar in seconds"),
        "bar_mean": ("double", "mean of its high, low and close, for bars hold no VWAP; null where it is missing"),
        "bar_bps": ("double", "price against that mean, in basis points"),
        "day": ("string", "UTC day; a fill at midnight is of the day that ends"),
        **_FILL_DAY,
    },
    text="""
WITH lengths AS (
  SELECT DISTINCT venue, instrument, length_s, dt, day FROM closed_bars WHERE shortest = 1
), placed AS (
  SELECT fills.account, fills.venue, fills.instance, fills.instrument, fills.order_id, fills.trade_id, fills.side,
    fills.liquidity, fills.quantity, fills.price, fills.value, fills.day, fills.dt, lengths.length_s,
    date_add('millisecond', (lengths.length_s * 1000
      - date_diff('millisecond', timestamp '1970-01-01 00:00:00', fills.at) % (lengths.length_s * 1000))
      % (lengths.length_s * 1000), fills.at) AS bar_closes_at,
    order_results.reference_price AS arrival, exact_product(order_results.reference_price, fills.quantity) AS paper,
    CASE WHEN fills.side = 'buy' THEN 1 ELSE -1 END AS sign
  FROM fills
  LEFT JOIN lengths ON lengths.venue = fills.venue AND lengths.instrument = fills.instrument AND lengths.dt = fills.dt
    AND lengths.day = fills.day
  LEFT JOIN order_results ON order_results.account = fills.account AND order_results.order_id = fills.order_id
)
SELECT placed.account, placed.venue, placed.instance, placed.instrument, placed.order_id, placed.trade_id,
  placed.side, placed.liquidity, placed.quantity, placed.price, placed.arrival,
  CASE WHEN placed.side = 'buy' THEN placed.value - placed.paper ELSE placed.paper - placed.value END AS cost,
  10000 * placed.sign * CAST(placed.price - placed.arrival AS double) / NULLIF(CAST(placed.arrival AS double), 0)
    AS arrival_bps, placed.bar_closes_at, placed.length_s AS bar_length_s,
  CAST(bars.high + bars.low + bars.close AS double) / 3 AS bar_mean,
  10000 * placed.sign * (3 * CAST(placed.price AS double) / CAST(bars.high + bars.low + bars.close AS double) - 1)
    AS bar_bps, placed.day, placed.dt
FROM placed
LEFT JOIN closed_bars AS bars ON bars.venue = placed.venue AND bars.instrument = placed.instrument
  AND bars.length_s = placed.length_s AND bars.closes_at = placed.bar_closes_at
""",
)

EFFECTIVE_SPREAD = LakeView(
    name="effective_spread",
    about="Twice the distance of each fill from the last price before its bar, in basis points. The lake holds no "
    "quotes: that price stands for the middle of the book, so one figure holds the market's move too; take "
    "the mean of many.",
    columns={
        **_ORDER,
        "trade_id": ("string", "the venue's id of the trade"),
        "side": ("string", "buy or sell"),
        "liquidity": ("string", "maker or taker: a maker earns the spread, below zero"),
        "price": ("decimal(38,18)", "price at which it filled"),
        "before": ("decimal(38,18)", "close of the shortest bar before that of the fill; without it there is no row"),
        "spread_bps": ("double", "2 (price - before) / before for a buy, its opposite for a sale"),
        **_FILL_DAY,
    },
    text="""
SELECT slippage.account, slippage.venue, slippage.instance, slippage.instrument, slippage.order_id, slippage.trade_id,
  slippage.side, slippage.liquidity, slippage.price, bars.close AS before,
  20000 * CASE WHEN slippage.side = 'buy' THEN 1 ELSE -1 END * CAST(slippage.price - bars.close AS double)
    / CAST(bars.close AS double) AS spread_bps, slippage.dt
FROM slippage
JOIN closed_bars AS bars ON bars.venue = slippage.venue AND bars.instrument = slippage.instrument
  AND bars.length_s = slippage.bar_length_s
  AND bars.closes_at = date_add('second', -slippage.bar_length_s, slippage.bar_closes_at)
""",
)

IMPLEMENTATION_SHORTFALL = LakeView(
    name="implementation_shortfall",
    about="What each order cost against trading it whole at the price of its decision, and the four parts, which "
    "sum to it exactly; what costs is positive.",
    columns={
        **_ORDER,
        "side": ("string", "buy or sell"),
        "quantity": ("decimal(38,18)", "amount that was ordered"),
        "filled": ("decimal(38,18)", "amount that filled"),
        "decision_price": ("decimal(38,18)", "price at which risk decided"),
        "arrival_price": ("decimal(38,18)", "open of the first shortest bar from then on; the decision's without one"),
        "end_price": ("decimal(38,18)", "last close by when the order ended, or by now where it may still fill"),
        "delay": ("decimal(38,18)", "from decision to arrival, of what filled"),
        "trading": ("decimal(38,18)", "from arrival to the fills"),
        "fees": ("decimal(38,18)", "fees of the fills"),
        "opportunity": ("decimal(38,18)", "from decision to the end, of what did not fill"),
        "shortfall": (
            "decimal(38,18)",
            "value of fills, and of the rest at its end, less both at the decision; and fees",
        ),
        **_BUILT_DAY,
    },
    text="""
WITH prices AS (
  SELECT venue, instrument, opens_at, closes_at, open, close FROM closed_bars WHERE shortest = 1
), arrivals AS (
  SELECT venue, instrument, at, 1 AS step, order_id, account, CAST(NULL AS decimal(38,18)) AS open FROM order_results
  UNION ALL
  SELECT venue, instrument, opens_at, 2, NULL, NULL, open FROM prices
), arrived AS (
  SELECT account, order_id, step, last_value(open) IGNORE NULLS OVER (
    PARTITION BY venue, instrument ORDER BY at DESC, step DESC
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS arrival_price
  FROM arrivals
), ends AS (
  SELECT venue, instrument, COALESCE(ended_at, timestamp '9999-01-01 00:00:00') AS at, 2 AS step, order_id, account,
    CAST(NULL AS decimal(38,18)) AS close FROM order_results
  UNION ALL
  SELECT venue, instrument, closes_at, 1, NULL, NULL, close FROM prices
), ended AS (
  SELECT account, order_id, step, last_value(close) IGNORE NULLS OVER (
    PARTITION BY venue, instrument ORDER BY at, step
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS end_price
  FROM ends
), priced AS (
  SELECT results.account, results.venue, results.instance, results.instrument, results.order_id, results.side,
    results.quantity, results.filled, results.quantity - results.filled AS rest, results.value, results.fees,
    results.reference_price AS decision_price,
    COALESCE(arrived.arrival_price, results.reference_price) AS arrival_price,
    COALESCE(ended.end_price, results.reference_price) AS end_price, results.dt
  FROM order_results AS results
  JOIN arrived ON arrived.account = results.account AND arrived.order_id = results.order_id AND arrived.step = 1
  JOIN ended ON ended.account = results.account AND ended.order_id = results.order_id AND ended.step = 2
), worth AS (
  SELECT account, venue, instance, instrument, order_id, side, quantity, filled, decision_price, arrival_price,
    end_price, value, fees, dt, exact_product(decision_price, filled) AS decided,
    exact_product(arrival_price, filled) AS arrived, exact_product(decision_price, rest) AS rest_decided,
    exact_product(end_price, rest) AS rest_ended
  FROM priced
)
SELECT account, venue, instance, instrument, order_id, side, quantity, filled, decision_price, arrival_price, end_price,
  CASE WHEN side = 'buy' THEN arrived - decided ELSE decided - arrived END AS delay,
  CASE WHEN side = 'buy' THEN value - arrived ELSE arrived - value END AS trading, fees,
  CASE WHEN side = 'buy' THEN rest_ended - rest_decided ELSE rest_decided - rest_ended END AS opportunity,
  CASE WHEN side = 'buy' THEN value + rest_ended - decided - rest_decided
    ELSE decided + rest_decided - value - rest_ended END + fees AS shortfall, dt
FROM worth
""",
)
