"""The pages of sweeps and walks in a browser: they draw everything, complain of nothing, and fit a phone."""

from pathlib import Path

import pytest

from fanfold.research import sweep, walk_forward
from fanfold.research.sweeping import sheet_of_sweep, sheet_of_walk

DESK = Path(__file__).resolve().parents[2] / "desk.toml"
GRID = {"fast": [5, 10, 15], "slow": [30, 60]}
SECTIONS = {
    "sweep": ["All trials", "Heat map", "Best trials by total return"],
    "walk": ["Out of sample", "Tests joined", "Each test beside its training", "Params that were chosen"],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, str]:
    """The addresses of a sweep's page and of a walk's."""
    folder = tmp_path_factory.mktemp("pages")
    swept = sweep("sma_cross", desk=DESK, grid=GRID, minutes=300, windows="2")
    walked = walk_forward("sma_cross", desk=DESK, grid=GRID, train="3h", test="1h", rank="total_return", minutes=600)
    texts = {
        "sweep": sheet_of_sweep.page(sheet_of_sweep.sheet_of(swept, "total_return")),
        "walk": sheet_of_walk.page(sheet_of_walk.sheet_of(walked)),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_drawn_without_a_complaint(opened, written, name, width, scheme):
    sheet = opened(written[name], width=width, scheme=scheme)
    assert sheet.page.locator("h2").all_inner_texts() == SECTIONS[name]
    assert (sheet.complaints, sheet.sideways()) == ([], 0)
    assert sheet.barriers() == []


def test_the_map_is_of_the_chosen_figure(opened, written):
    sheet = opened(written["sweep"])
    cells = sheet.page.locator(".map td:not(:first-child)")
    returns = cells.all_inner_texts()
    assert len(returns) == 6
    assert all(text.endswith(" %") for text in returns)
    sheet.page.get_by_label("Figure").select_option(label="fees")
    fees = [float(text.replace(",", "")) for text in cells.all_inner_texts()]
    assert sheet.page.locator(".map td.best").inner_text().replace(",", "").startswith(f"{min(fees):g}"[:4])
    about = "A cell is the median over windows. The best cell has a frame; less is better."
    assert sheet.page.get_by_text(about).count() == 1
    assert sheet.complaints == []


def test_what_a_cell_is_of_is_told_at_the_pointer(opened, written):
    cell = opened(written["sweep"]).page.locator(".map td").nth(1)
    assert cell.get_attribute("title") == "fast 5, slow 30, 2 trials"
