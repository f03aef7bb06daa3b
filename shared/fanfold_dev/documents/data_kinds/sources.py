"""Files as exchanges, archives and other tools write them."""

from collections.abc import Sequence

from pyarrow import feather

from fanfold_dev.documents.data_kinds.building import (
    HEADER,
    OPENS,
    Kind,
    Row,
    at,
    dumped,
    named,
    rows,
    stored,
    text,
    zipped,
)


def sources() -> list[Kind]:
    """Return the kinds of exchanges, of archives and of tools."""
    return [*_exchanges(), *_archives(), *_quotes(), *_charts(), *_frames()]


def _exchanges() -> list[Kind]:
    made = rows()
    binance = [[row[0] * 1_000, *map(str, row[1:]), row[0] * 1_000 + 59_999, "1.0", 5, "1", "1", "0"] for row in made]
    kraken = [[row[0], *map(str, row[1:5]), str(row[4]), str(row[5]), 7] for row in made]
    okx = [[str(row[0] * 1_000), *map(str, row[1:]), "1.0", "1.0", "1"] for row in reversed(made)]
    bybit = [[str(row[0] * 1_000), *map(str, row[1:]), "1.0"] for row in reversed(made)]
    coinbase = [[row[0], row[3], row[2], row[1], row[4], row[5]] for row in reversed(made)]
    bitstamp = [{key: str(value) for key, value in named(row, "timestamp", *HEADER[1:]).items()} for row in made]
    kucoin = [[str(row[0]), *map(str, (row[1], row[4], row[2], row[3], row[5])), "1.0"] for row in reversed(made)]
    mexc = [[row[0] * 1_000, *map(str, row[1:]), row[0] * 1_000 + 60_000, "1.0"] for row in made]
    gate = [[str(row[0]), "1.0", *map(str, (row[4], row[2], row[3], row[1], row[5])), "true"] for row in made]
    bitfinex = [[row[0] * 1_000, row[1], row[4], row[2], row[3], row[5]] for row in reversed(made)]
    return [
        Kind("KuCoin REST", "BTC-USDT.json", dumped({"code": "200000", "data": kucoin})),
        Kind("MEXC REST", "BTCUSDT.json", dumped(mexc)),
        Kind("Gate REST", "BTC_USDT.json", dumped(gate)),
        Kind("Bitfinex REST", "BTCUSD.json", dumped(bitfinex)),
        *_by_name(),
        Kind("Binance REST", "BTCUSDT.json", dumped(binance)),
        Kind("Kraken REST", "XBTUSD.json", dumped({"error": [], "result": {"XXBTZUSD": kraken, "last": 1}})),
        Kind("OKX REST", "BTC-USDT.json", dumped({"code": "0", "msg": "", "data": okx})),
        Kind("Bybit REST", "BTCUSDT.json", dumped({"retCode": 0, "result": {"symbol": "BTCUSDT", "list": bybit}})),
        Kind("Coinbase Exchange REST", "BTC-USD.json", dumped(coinbase)),
        Kind("Bitstamp REST", "BTCUSD.json", dumped({"data": {"pair": "BTC/USD", "ohlc": bitstamp}})),
        Kind("ccxt", "BTCUSDT.json", dumped([[row[0] * 1_000, *row[1:]] for row in made])),
    ]


def _by_name() -> list[Kind]:
    """Return the exchanges whose answers name what they tell, each in its own way."""
    made = rows()
    names = ("id", "open", "high", "low", "close", "amount")
    htx = [named(row, *names) | {"vol": round(row[4] * row[5], 2), "count": 5} for row in made]
    compare = [named(row, *HEADER[:5], "volumefrom") | {"volumeto": round(row[4] * row[5], 2)} for row in made]
    columns = dict(zip(("ticks", *HEADER[1:]), map(list, zip(*made, strict=True)), strict=True))
    deribit = columns | {"ticks": [row[0] * 1_000 for row in made], "status": "ok"}
    advanced = [{name: str(cell) for name, cell in named(row, "start", *HEADER[1:]).items()} for row in made]
    polygon = [named((row[0] * 1_000, *row[1:]), "t", "o", "h", "l", "c", "v") | {"vw": row[4]} for row in made]
    return [
        Kind("HTX REST", "BTCUSDT.json", dumped({"status": "ok", "data": htx})),
        Kind("CryptoCompare REST", "BTCUSDT.json", dumped({"Response": "Success", "Data": {"Data": compare}})),
        Kind("Deribit REST", "BTC_USDC.json", dumped({"result": deribit})),
        Kind("Coinbase Advanced REST", "BTC-USD.json", dumped({"candles": advanced})),
        Kind("Polygon REST", "BTCUSD.json", dumped({"ticker": "X:BTCUSD", "results": polygon})),
    ]


def _archives() -> list[Kind]:
    made = rows()
    binance = text((), lambda row: (row[0] * 1_000, *row[1:], row[0] * 1_000 + 59_999, 1.0, 5, 0.5, 0.5, 0))
    bybit = text((), lambda row: (row[0], "BTCUSDT", 1, *row[1:], 1.0))
    crypto = ("Unix", "Date", "Symbol", "Open", "High", "Low", "Close", "Volume BTC", "Volume USDT", "tradecount")

    def downloaded(row: Row) -> Sequence[object]:
        return (row[0] * 1_000, at(row, "%Y-%m-%d %H:%M:%S"), "BTC/USDT", *row[1:], row[4] * row[5], 5)

    newest_first = list(reversed(made))
    address = "https://www.CryptoDataDownload.com\n"
    lean = text((), lambda row: ((row[0] - OPENS) * 1_000, *row[1:]))
    return [
        Kind("Binance archive", "BTCUSDT-1m-2026-03.zip", zipped(**{"BTCUSDT-1m-2026-03.csv": binance})),
        Kind("Kraken OHLCVT", "XBTUSD_1.csv", text((), lambda row: (*row, 17))),
        Kind("Bybit archive, without a header", "BTCUSDT_1.csv", bybit),
        Kind(
            "CryptoDataDownload",
            "Binance_BTCUSDT_minute.csv",
            text(crypto, downloaded, before=address, of=newest_first),
        ),
        Kind(
            "CryptoDataDownload, Gemini",
            "gemini_BTCUSD_2026_1min.csv",
            text(
                ("Unix Timestamp", *crypto[1:7], "Volume"),
                lambda row: (*downloaded(row)[:2], "BTC/USD", *row[1:]),
                before=address,
                of=newest_first,
            ),
        ),
        Kind("Bitstamp archive", "BTCUSD.csv", text(("timestamp", *HEADER[1:]))),
        Kind("LEAN, a day of minutes", "20260301_trade.zip", zipped(**{"20260301_btcusdt_minute_trade.csv": lean})),
    ]


def _quotes() -> list[Kind]:
    made = rows()
    daily = [(OPENS + 86_400 * number, *row[1:5], 1_000_000 + number) for number, row in enumerate(made)]
    yahoo = text(
        ("Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"),
        lambda row: (at(row, "%Y-%m-%d"), *row[1:5], row[4], row[5]),
        of=daily,
    )
    ticker = "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n"
    yfinance = text(
        (), lambda row: (at(row, "%Y-%m-%d"), row[4], row[2], row[3], row[1], row[5]), before=ticker, of=daily
    )
    investing = text(
        ('"Date"', '"Price"', '"Open"', '"High"', '"Low"', '"Vol."', '"Change %"'),
        lambda row: [
            f'"{cell}"'
            for cell in (
                at(row, "%m/%d/%Y"),
                *(f"{price:,.2f}" for price in (row[4], row[1], row[2], row[3])),
                f"{row[5] / 1_000:.2f}K",
                "0.10%",
            )
        ],
        of=list(reversed(daily)),
    )
    return [
        Kind("Yahoo Finance", "BTC-USD.csv", yahoo, same=False),
        Kind("yfinance, to_csv", "BTC-USD.csv", yfinance, same=False),
        Kind("investing.com", "BTC_USD Historical Data.csv", investing, same=False),
    ]


def _charts() -> list[Kind]:
    trader = ("<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>")
    return [
        Kind(
            "MetaTrader 5",
            "BTCUSD_M1.csv",
            text(trader, lambda row: (at(row, "%Y.%m.%d"), at(row, "%H:%M:%S"), *row[1:], 0, 12), between="\t"),
        ),
        Kind(
            "MetaTrader 4, without a header",
            "BTCUSD1.csv",
            text((), lambda row: (at(row, "%Y.%m.%d"), at(row, "%H:%M"), *row[1:])),
        ),
        Kind(
            "Dukascopy",
            "BTCUSD_Candlestick_1_M_BID.csv",
            text(
                ("Gmt time", "Open", "High", "Low", "Close", "Volume"),
                lambda row: (at(row, "%d.%m.%Y %H:%M:%S.000"), *row[1:]),
            ),
        ),
        Kind(
            "TradingView, without volume", "BINANCE_BTCUSDT, 1.csv", text(HEADER[:5], lambda row: row[:5]), same=False
        ),
        Kind("TradingView", "BINANCE_BTCUSDT, 1.csv", text((*HEADER[:5], "Volume"))),
        Kind(
            "stooq",
            "BTCUSD.csv",
            text(
                ("<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", "<OPENINT>"),
                lambda row: ("BTCUSD", 1, at(row, "%Y%m%d"), at(row, "%H%M%S"), *row[1:], 0),
            ),
        ),
    ]


def _frames() -> list[Kind]:
    made = rows()
    return [
        Kind("freqtrade JSON", "BTC_USDT-1m.json", dumped([[row[0] * 1_000, *row[1:]] for row in made])),
        Kind("freqtrade feather", "BTC_USDT-1m.feather", stored(feather.write_feather)),
        Kind("pandas, records", "BTCUSDT.json", dumped([named((row[0] * 1_000, *row[1:])) for row in made])),
        Kind("pandas, split", "BTCUSDT.json", dumped({"columns": HEADER, "index": [0], "data": made})),
        Kind(
            "pandas, columns",
            "BTCUSDT.json",
            dumped({name: {str(n): row[place] for n, row in enumerate(made)} for place, name in enumerate(HEADER)}),
        ),
        Kind(
            "pandas, index in front",
            "BTCUSDT.csv",
            text(("", *HEADER[1:]), lambda row: (at(row, "%Y-%m-%d %H:%M:%S"), *row[1:])),
        ),
    ]
