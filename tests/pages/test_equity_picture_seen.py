"""The picture of equity as a browser reads it: its size, its colours, and lines that rise and fall."""

from base64 import b64encode
from decimal import Decimal
from pathlib import Path

from fanfold.alerts.equity_picture import HEIGHT, LINES, PALETTE, WIDTH, equity_picture

# The colours of a column of the image, from its top.
COLUMN = """x => {
  const image = document.images[0], canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(x, 0, 1, canvas.height).data;
  return Array.from({length: canvas.height}, (_, y) => [bytes[4 * y], bytes[4 * y + 1], bytes[4 * y + 2]]);
}"""


def test_a_browser_sees_a_line_that_rises_and_one_that_falls(opened, tmp_path: Path) -> None:
    worth = [Decimal(value) for value in (100, 103, 106, 110)]
    png = equity_picture([worth, worth[::-1]])
    page = tmp_path / "page.html"
    page.write_text(
        f'<html lang="en"><title>t</title><img alt="" src="data:image/png;base64,{b64encode(png).decode()}">'
    )
    seen = opened(page.as_uri()).page
    seen.wait_for_function("document.images[0].complete")
    assert seen.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]") == [WIDTH, HEIGHT]
    left, right = seen.evaluate(COLUMN, 10), seen.evaluate(COLUMN, WIDTH - 11)
    rising, falling = (list(PALETTE[LINES + number]) for number in (0, 1))
    assert left.index(rising) > right.index(rising)
    assert left.index(falling) < right.index(falling)
