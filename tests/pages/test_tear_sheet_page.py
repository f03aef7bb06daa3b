"""The tear sheet in a browser: it draws everything, complains of nothing, and fits a phone."""

from pathlib import Path

import pytest

from fanfold.research.tear_sheet import page
from support.tear_sheets import tear_sheet

SECTIONS = [
    "Return", "Equity and drawdown", "Returns by month", "Rolling Sharpe ratio", "Trades", "Exposure and turnover",
    "Instruments",
]  # fmt: skip
PIXELS = """
canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, n) => n % 4 === 3 && value > 0);
}
"""


def written(directory: Path, **of: object) -> str:
    path = directory / "sheet.html"
    path.write_text(page(tear_sheet(**of)), encoding="utf-8")  # type: ignore[arg-type]
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_section_is_drawn_without_a_complaint(opened, tmp_path, width, scheme):
    sheet = opened(written(tmp_path), width=width, scheme=scheme)
    assert sheet.page.locator("h2").all_inner_texts() == SECTIONS
    canvases = sheet.page.locator("canvas").all()
    assert [canvas.evaluate(PIXELS) for canvas in canvases] == [True] * 6
    assert (sheet.complaints, sheet.sideways()) == ([], 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_in_it(opened, tmp_path, scheme):
    assert opened(written(tmp_path), scheme=scheme).barriers() == []


def test_the_chosen_instrument_is_drawn(opened, tmp_path):
    sheet = opened(written(tmp_path, instruments=3))
    sheet.page.get_by_label("Instrument").select_option("COIN2/USDT")
    chart = sheet.page.get_by_label("Prices of COIN2/USDT with 200 fills")
    assert chart.locator("canvas").evaluate(PIXELS)
    assert "7 more are not drawn" in sheet.page.locator("figcaption", has_text="Candles").inner_text()


def test_the_pointer_reads_values_in_both_charts(opened, tmp_path):
    sheet = opened(written(tmp_path))
    sheet.page.locator(".u-over").first.hover()
    legends = sheet.page.locator(".u-legend").all_inner_texts()
    assert all("UTC" in legend and "2024" in legend for legend in legends[:2])


def test_dragging_over_a_chart_shows_that_span(opened, tmp_path):
    sheet = opened(written(tmp_path))
    chart = sheet.page.get_by_label("Equity from")
    before = chart.screenshot()
    box = chart.locator(".u-over").bounding_box()
    sheet.page.mouse.move(box["x"] + 100, box["y"] + 50)
    sheet.page.mouse.down()
    sheet.page.mouse.move(box["x"] + 300, box["y"] + 50)
    sheet.page.mouse.up()
    sheet.page.mouse.move(0, 0)
    assert chart.screenshot() != before
    assert sheet.complaints == []


def test_a_run_without_a_trade_is_a_page_too(opened, tmp_path):
    sheet = opened(written(tmp_path, bars=20, instruments=1, trades=0))
    assert "Rolling Sharpe ratio" not in sheet.page.locator("h2").all_inner_texts()
    assert sheet.complaints == []


def test_names_are_text_whatever_they_hold(opened, tmp_path):
    name = "</script><script>console.error('run')</script><b>bold</b>"
    sheet = opened(written(tmp_path, title=name))
    assert sheet.page.locator("h1").inner_text() == name
    assert sheet.complaints == []
