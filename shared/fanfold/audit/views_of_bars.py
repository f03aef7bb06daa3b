"""Views of prices: each bar once, and longer bars made of the shortest."""

from fanfold.audit.lake_schema import Type
from fanfold.audit.lake_view import LakeView

_CANDLE: dict[str, tuple[Type, str]] = {
    "open": ("decimal(38,18)", "first price"),
    "high": ("decimal(38,18)", "highest price"),
    "low": ("decimal(38,18)", "lowest price"),
    "close": ("decimal(38,18)", "last price"),
    "volume": ("decimal(38,18)", "traded amount in the base currency"),
}

CLOSED_BARS = LakeView(
    name="closed_bars",
    about="Each closed bar once, however often it was published, with its length.",
    columns={
        "venue": ("string", "venue"),
        "instrument": ("string", "instrument"),
        "timeframe": ("string", "1m, 5m, 1h and so on"),
        "length_s": ("bigint", "length in seconds"),
        "shortest": ("bigint", "1 where no shorter bar of the instrument at this venue is of its day and date, else 0"),
        "opens_at": ("timestamp", "when the bar opened"),
        "closes_at": ("timestamp", "when it closed"),
        **_CANDLE,
        "published_at": ("timestamp", "when its first message was sent; null in files of before this column"),
        "day": ("string", "UTC day; a close at midnight is of the day that ends"),
        "dt": ("string", "partition: the UTC date of closes_at"),
    },
    text="""
WITH sized AS (
  SELECT venue, instrument, timeframe, closes_at, open, high, low, close, volume, dt,
    date_format(date_add('millisecond', -1, closes_at), '%Y-%m-%d') AS day,
    CAST(substr(timeframe, 1, length(timeframe) - 1) AS bigint)
      * CASE substr(timeframe, length(timeframe)) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END AS length_s,
    min(sent_at) OVER (PARTITION BY venue, instrument, timeframe, closes_at, dt) AS published_at,
    row_number() OVER (PARTITION BY venue, instrument, timeframe, closes_at, dt ORDER BY message_id) AS copy
  FROM bars
), compared AS (
  SELECT venue, instrument, timeframe, closes_at, open, high, low, close, volume, dt, length_s, published_at, copy,
    day, min(length_s) OVER (PARTITION BY venue, instrument, dt, day) AS shortest_s
  FROM sized
)
SELECT venue, instrument, timeframe, length_s,
  CAST(CASE WHEN length_s = shortest_s THEN 1 ELSE 0 END AS bigint) AS shortest,
  date_add('second', -length_s, closes_at) AS opens_at, closes_at, open, high, low, close, volume, published_at, day, dt
FROM compared
WHERE copy = 1
""",
)

LONGER_BARS = LakeView(
    name="longer_bars",
    about="Bars of 5m, 15m, 30m, 1h, 4h and 1d made of an instrument's shortest ones of each day. A bar is there once "
    "its time is over, if at least one of its parts is.",
    columns={
        "venue": ("string", "venue"),
        "instrument": ("string", "instrument"),
        "timeframe": ("string", "5m, 15m, 30m, 1h, 4h or 1d"),
        "closes_at": ("timestamp", "when the longer bar closes"),
        **_CANDLE,
        "parts": ("bigint", "bars that it is made of"),
        "missing": ("bigint", "bars that are not there: holes, or the beginning of the lake"),
        "day": ("string", "UTC day; a close at midnight is of the day that ends"),
    },
    text="""
WITH lengths AS (
  SELECT timeframe, length_s
  FROM (VALUES ('5m', 300), ('15m', 900), ('30m', 1800), ('1h', 3600), ('4h', 14400), ('1d', 86400))
    AS lengths (timeframe, length_s)
), dated AS (
  SELECT venue, instrument, closes_at, open, high, low, close, volume, length_s,
    min(length_s) OVER (PARTITION BY venue, instrument, day) AS shortest_s
  FROM closed_bars WHERE shortest = 1
), parts AS (
  SELECT venue, instrument, closes_at, open, high, low, close, volume, length_s,
    date_diff('second', timestamp '1970-01-01 00:00:00', closes_at) AS at_s,
    max(closes_at) OVER (PARTITION BY venue, instrument) AS newest
  FROM dated WHERE length_s = shortest_s
), placed AS (
  SELECT parts.venue, parts.instrument, lengths.timeframe, parts.closes_at AS part_closes_at, parts.open, parts.high,
    parts.low, parts.close, parts.volume, parts.newest, lengths.length_s / parts.length_s AS whole,
    date_add('second', (lengths.length_s - parts.at_s % lengths.length_s) % lengths.length_s, parts.closes_at)
      AS closes_at
  FROM parts JOIN lengths ON lengths.length_s > parts.length_s AND lengths.length_s % parts.length_s = 0
)
SELECT venue, instrument, timeframe, closes_at, min_by(open, part_closes_at) AS open, max(high) AS high,
  min(low) AS low, max_by(close, part_closes_at) AS close, sum(volume) AS volume, count(*) AS parts,
  CAST(max(whole) - count(*) AS bigint) AS missing,
  date_format(date_add('millisecond', -1, closes_at), '%Y-%m-%d') AS day
FROM placed
WHERE closes_at <= newest
GROUP BY venue, instrument, timeframe, closes_at
""",
)
