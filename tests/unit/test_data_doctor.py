"""`fanfold data doctor` names what was planted, by row and time, and a mended copy holds no bar that was not there."""

from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from fanfold.cli.commands.data import doctor
from fanfold.cli.exit_codes import Exit
from fanfold.errors import BadInput
from fanfold.importers import data_files, mending
from fanfold.market.bars import Bar

OPENS, BARS = 1_772_323_200, 2_000
HEADER = "time,open,high,low,close,volume"
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


class Spoiled(NamedTuple):
    """Lines of a file behind its header, the rows of each defect, and the bars that a mended copy must hold."""

    lines: list[str]
    rows: dict[str, list[int]]
    closes: list[int]


def spoiled(seed: int) -> Spoiled:
    """A walk of bars, in which ten places far apart have one defect each."""
    dice, price, lines, rows = Random(seed), 6_000_000, list[str](), dict[str, list[int]]()
    kinds = ["gap", "zero-volume", "duplicate", "unreadable", "scale"] * 2
    places = dict(zip(sorted(dice.sample(range(10, BARS - 10, 60), len(kinds))), kinds, strict=True))
    closes = []
    for n in range(BARS):
        price += dice.randint(-300, 300)
        kind, at = places.get(n, ""), OPENS + 60 * n
        cells = [str(at), *(f"{units / 100:.2f}" for units in (price, price + 400, price - 400, price)), "1.25"]
        if kind == "gap":
            rows.setdefault(kind, []).append(len(lines) + 1)
            continue
        rows.setdefault(kind, []).append(len(lines) + 2)
        if kind == "zero-volume":
            cells[-1] = "0"
        if kind == "scale":
            cells[1:5] = [f"{float(cell) * 100:.2f}" for cell in cells[1:5]]
        if kind == "unreadable":
            cells[dice.randint(1, 4)] = dice.choice(["abc", "", "nan", "-1", "$5"])
        if kind == "duplicate":
            lines.append(",".join(map(str, cells)))
        lines.append(",".join(map(str, cells)))
        if kind not in {"scale", "unreadable"}:
            closes.append(at + 60)
    return Spoiled(lines, rows, closes)


@pytest.mark.parametrize("seed", range(8))
def test_planted_defects_are_named_by_their_rows_and_left_out_of_a_mended_copy(tmp_path: Path, seed: int) -> None:
    made = spoiled(seed)
    path = tmp_path / "BTCUSDT.csv"
    path.write_text("\n".join([HEADER, *made.lines]) + "\n")
    answer = doctor.command(str(path), repair=True)
    assert answer.exit is Exit.FAILED
    (document,) = answer.document["files"]
    rows = {defect.kind: [place.row for place in defect.places] for defect in document["defects"]}
    # What is left out is missing, so the places of gaps are more than those planted.
    assert {kind: rows[kind] for kind in rows if kind not in {"gap", "jump"}} == {
        kind: made.rows[kind] for kind in made.rows if kind not in {"", "gap"}
    }
    assert set(made.rows["gap"]) <= set(rows["gap"])
    original, mended = mending.examine(str(path)).file, data_files.read(document["mended"])
    assert [bar.closes_at_s for bar in mended.recording.bars()] == made.closes
    assert set(mended.recording.bars()) <= set(original.recording.bars())
    assert document["changes"] == [
        "2 rows left out: they are no bars",
        "2 rows left out: a later row has their time",
        "2 bars left out: their prices are in another scale",
    ]


def lines_of(*rows: tuple[int, str]) -> str:
    return "\n".join([HEADER, *(f"{OPENS + 60 * minute},{rest}" for minute, rest in rows)]) + "\n"


def test_rows_out_of_order_are_sorted_and_the_places_are_said(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((minute, "100,101,99,100,1") for minute in (0, 1, 3, 2, 4))))
    answer = doctor.command(str(path), repair=True)
    assert answer.blocks == [
        f"{path}: BTC/USDT 1m (csv), 5 bars, closes 2026-03-01 00:01 to 2026-03-01 00:05 UTC",
        "  1 out-of-order: sorted",
        "    row 5: the bar that closes 2026-03-01 00:03",
        "    a repair sorts the rows",
        f"{tmp_path}/BTCUSDT.mended.parquet: written",
        "  1 rows put in order",
    ]
    assert doctor.command(f"{tmp_path}/BTCUSDT.mended.parquet").exit is Exit.OK


def test_two_repairs_of_a_file_at_once_do_not_write_into_each_other_s(tmp_path: Path) -> None:
    path, others = tmp_path / "BTCUSDT.csv", tmp_path / "BTCUSDT.mended.parquet.new"
    path.write_text(lines_of(*((minute, "100,101,99,100,1") for minute in (0, 1, 3, 2, 4))))
    others.write_bytes(b"half of what another repair writes")
    doctor.command(str(path), repair=True)
    assert others.read_bytes() == b"half of what another repair writes"


@pytest.mark.parametrize(
    ("spike", "text"),
    [
        ("100,10100,99,100,1", "prices 10^2 times"),
        ("100,101,0.99,100,1", "prices 10^-2 times"),
        ("10000,10100,99,100,1", "prices 10^2 times"),
    ],
)
def test_one_price_in_another_scale_is_seen_in_its_bar(tmp_path: Path, spike: str, text: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((n, spike if n == 5 else "100,101,99,100,1") for n in range(20))))
    (defect,) = mending.examine(str(path)).defects
    (place,) = defect.places
    assert (defect.kind, place.row) == ("scale", 7)
    assert text in place.text


def test_a_scale_that_stays_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((n, "100,101,99,100,1" if n < 15 else "1,1.01,0.99,1,1") for n in range(20))))
    examined = mending.examine(str(path))
    assert {defect.kind for defect in examined.defects} == {"jump", "scale"}
    assert "which scale is right, the file does not tell" in examined.defects[-1].advice
    answer = doctor.command(str(path), repair=True)
    assert answer.document["files"][0]["mended"] is None


def test_a_crash_of_a_market_is_no_scale(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((n, "100,101,99,100,1" if n < 15 else "15,16,14,15,1") for n in range(20))))
    assert [defect.kind for defect in mending.examine(str(path)).defects] == ["jump"]


def test_a_file_of_wrong_rows_is_refused_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((n, "100,101,99,x,1") for n in range(20))))
    answer = doctor.command(str(path), repair=True)
    assert answer.exit is Exit.WRONG_INPUT
    assert answer.document["refused"] == [f"{path}: row 2, column close: 'x' is not a number"]


def test_a_mended_copy_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(lines_of(*((minute, "100,101,99,100,1") for minute in (0, 2, 1))))
    argument = f"{path}=BTC/USDT"
    doctor.command(argument, repair=True)
    assert (tmp_path / "BTC-USDT-1m.mended.parquet").exists()
    with pytest.raises(BadInput, match="there already; move it away, or say --overwrite"):
        doctor.command(argument, repair=True)
    doctor.command(argument, repair=True, overwrite=True)


def test_a_sound_file_has_no_defects_and_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(lines_of(*((n, "100,101,99,100,1") for n in range(20))))
    answer = doctor.command(str(path), repair=True)
    assert (answer.exit, answer.blocks[1:]) == (Exit.OK, ["no defects"])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "bars", "gaps", "missing", "zero"),
    [
        ("candles_1m/defect_bybit_LTCUSDT_1m_holes.parquet", 105_076, 524, 419_724, 127),
        ("candles_1m/defect_freqtrade_UNITTEST_BTC_1m_2017-11.json", 13_681, 538, 717, 0),
        ("candles_1h/binance_BTCUSDT_1h_2017-08_2024-04.feather", 58_419, 28, 128, 4),
        ("candles_5m/kraken_XBTUSD_5m_2023Q1.csv", 25_901, 5, 19, 0),
    ],
)
def test_the_defects_of_real_files_are_all_named(name: str, bars: int, gaps: int, missing: int, zero: int) -> None:
    if not (REAL / name).exists():
        pytest.skip("the recorded market data is not here")
    examined = mending.examine(str(REAL / name))
    of_kind = {defect.kind: defect for defect in examined.defects}
    assert examined.file.recording.count == bars
    assert (len(of_kind["gap"].places), of_kind["gap"].count) == (gaps, missing)
    assert len(of_kind["zero-volume"].places if zero else []) == zero
    # What is there is real: a repair finds nothing to change.
    assert list(mending.changes(examined)) == []
    assert mending.mended(examined).recording == examined.file.recording
    closes = {bar.closes_at_s for bar in map(Bar._make, examined.file.recording.bars())}
    assert all(place.at in closes for defect in examined.defects for place in defect.places)
