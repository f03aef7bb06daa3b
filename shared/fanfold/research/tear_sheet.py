"""A back-test's tear sheet, as one page that opens offline, and as the same numbers in JSON."""

from typing import Any

import msgspec

from fanfold.research.chart_series import ChartLine, MonthRow
from fanfold.research.offline_page import page_of


class Metric(msgspec.Struct, frozen=True):
    """A figure as it is shown, and its definition."""

    name: str
    text: str
    about: str = ""


class MetricGroup(msgspec.Struct, frozen=True):
    """Figures under one heading."""

    name: str
    metrics: list[Metric]


class BiasFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of the checks for bias; ``passed`` is None where they did not run."""

    passed: bool | None
    summary: str
    findings: list[str] = []


NO_VERDICT = BiasFindings(
    passed=None, summary="Not checked for bias: run `fanfold verdict` before you trust this result."
)


class EquityLines(msgspec.Struct, frozen=True, kw_only=True):
    """Equity, drawdown and the equity of buy and hold at the same times; ``hold`` is empty where there is none."""

    at: list[int]
    equity: list[float | None]
    drawdown: list[float | None]
    hold: list[float | None] = []


class RollingSharpe(msgspec.Struct, frozen=True, kw_only=True):
    """The Sharpe ratio of so many days before each midnight; empty for a short run."""

    days: int
    at: list[int]
    values: list[float | None]


class Turnover(msgspec.Struct, frozen=True, kw_only=True):
    """The amount traded in each period as a share of equity before it; ``span`` is day or month."""

    span: str
    at: list[int]
    values: list[float | None]


class TradeMark(msgspec.Struct, frozen=True):
    """A fill on a chart, at its time in epoch seconds."""

    at: int
    side: str
    price: float
    quantity: float


class CandleChart(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument's candles, each of ``span``; ``trades`` are those that are drawn of ``fills``."""

    instrument: str
    span: str
    at: list[int]
    open: list[float | None]
    high: list[float | None]
    low: list[float | None]
    close: list[float | None]
    trades: list[TradeMark]
    fills: int


class TextTable(msgspec.Struct, frozen=True):
    """A table of texts."""

    name: str
    columns: list[str]
    rows: list[list[str]]


class TearSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a tear sheet. ``facts`` stand under the title, ``provenance`` at the foot."""

    title: str
    facts: list[str]
    currency: str
    verdict: BiasFindings
    metrics: list[MetricGroup]
    equity: EquityLines
    months: list[MonthRow]
    sharpe: RollingSharpe
    candles: list[CandleChart]
    exposure: ChartLine
    turnover: Turnover
    tables: list[TextTable]
    provenance: list[str]


def page(sheet: TearSheet) -> str:
    """Return the page: one HTML text that holds its data, styles and scripts, and loads nothing."""
    return page_of("tear_sheet.js", sheet.title, numbers(sheet))


def numbers(sheet: TearSheet) -> bytes:
    """Return all that the page shows, as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(sheet)
    plain["months"] = [row._asdict() for row in sheet.months]
    plain["exposure"] = sheet.exposure._asdict()
    return msgspec.json.encode(plain)
