"""`fanfold data check` and `fanfold data convert`, and files of one instrument as one series."""

from decimal import Decimal
from pathlib import Path

import pytest

from fanfold.cli.commands.data import check, convert
from fanfold.cli.exit_codes import Exit
from fanfold.errors import BadInput
from fanfold.importers import data_files, joining

OPENS = 1_772_323_200
HEADER = "time,open,high,low,close,volume"


def bars(path: Path, minutes: range, close: str = "100.5", header: str = HEADER) -> str:
    """A file of bars of some minutes of the day."""
    rows = [f"{OPENS + 60 * minute},100,101,99,{close},{minute + 1}.25" for minute in minutes]
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def records(file: data_files.DataFile) -> bytes:
    return bytes(file.recording.records)


def test_files_in_any_order_are_the_series_of_one_file(tmp_path: Path) -> None:
    whole = bars(tmp_path / "BTCUSDT.csv", range(100))
    months = [
        bars(tmp_path / "BTCUSDT-1m-2026-04.csv", range(50, 100)),
        bars(tmp_path / "BTCUSDT-1m-2026-03.csv", range(60)),
    ]
    (file,) = joining.read_all(months)
    assert records(file) == records(data_files.read(whole))
    assert [finding.text for finding in file.findings] == [
        "10 duplicate: dropped (first 2026-03-01 00:51, all the same)"
    ]
    assert file.notes == (
        "BTCUSDT-1m-2026-03.csv: 60 bars (csv), 2026-03-01 00:01 to 2026-03-01 01:00",
        "BTCUSDT-1m-2026-04.csv: 50 bars (csv), 2026-03-01 00:51 to 2026-03-01 01:40",
    )


def test_figures_of_more_decimals_are_kept_beside_others(tmp_path: Path) -> None:
    fine, coarse = (
        bars(tmp_path / "BTCUSDT-b.csv", range(30, 60), "100.125"),
        bars(tmp_path / "BTCUSDT-a.csv", range(30)),
    )
    (file,) = joining.read_all([fine, coarse])
    assert file.recording.price_scale == 3
    closes = [file.recording.price(bar.close) for bar in file.recording.bars()]
    assert closes[29:31] == [Decimal("100.500"), Decimal("100.125")]


def test_missing_bars_between_two_files_are_a_gap(tmp_path: Path) -> None:
    names = [bars(tmp_path / "BTCUSDT-a.csv", range(30)), bars(tmp_path / "BTCUSDT-b.csv", range(40, 60))]
    (file,) = joining.read_all(names)
    assert [finding.text for finding in file.findings] == [
        "10 bars missing in 1 gaps, the longest 10: reported (after 2026-03-01 00:30)"
    ]


def test_bars_that_differ_between_files_are_refused_with_the_first(tmp_path: Path) -> None:
    names = [bars(tmp_path / "BTCUSDT-a.csv", range(30)), bars(tmp_path / "BTCUSDT-b.csv", range(20, 50), "100.75")]
    with pytest.raises(
        BadInput, match=r"b\.csv: 10 bars differ from those .* the first at 2026-03-01 00:21 from .*a\.csv"
    ):
        joining.read_all(names)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("time,open,high,low,close,trades", "tells no volume, and another file of the instrument does"),
    ],
)
def test_files_that_are_not_alike_are_refused(tmp_path: Path, columns: str, reason: str) -> None:
    names = [
        bars(tmp_path / "BTCUSDT-a.csv", range(30)),
        bars(tmp_path / "BTCUSDT-b.csv", range(30, 50), header=columns),
    ]
    with pytest.raises(BadInput, match=reason):
        joining.read_all(names)


def test_files_of_two_timeframes_are_refused(tmp_path: Path) -> None:
    names = [bars(tmp_path / "BTCUSDT-a.csv", range(30)), bars(tmp_path / "BTCUSDT-b.csv", range(30, 90, 5))]
    with pytest.raises(BadInput, match=r"b\.csv: its bars are 5m and those of .*a\.csv 1m"):
        joining.read_all(names)


def test_a_check_tells_all_files_and_fails_for_what_is_doubtful(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, holes = bars(tmp_path / "BTCUSDT.csv", range(30)), bars(tmp_path / "ETHUSDT.csv", range(100, 120))
    rows = Path(holes).read_text().splitlines(keepends=True)
    Path(holes).write_text("".join(rows[:9] + rows[12:]))
    assert check.command(good).exit is Exit.OK
    answer = check.command(good, holes)
    assert answer.exit is Exit.FAILED
    assert answer.document["apart"] == [
        "BTC/USDT ends 2026-03-01 00:30, before ETH/USDT begins 2026-03-01 01:41: no bar of the two is of one time"
    ]
    assert answer.document["instruments"][1]["defects"][0]["count"] == 3
    assert f"{holes}: ETH/USDT 1m (csv), 17 bars" in "\n".join(map(str, answer.blocks))
    assert capsys.readouterr().err == ""


def test_a_check_goes_on_after_a_file_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, missing = bars(tmp_path / "BTCUSDT.csv", range(30)), str(tmp_path / "ETHUSDT.csv")
    answer = check.command(missing, good)
    assert (answer.exit, len(answer.document["instruments"])) == (Exit.WRONG_INPUT, 1)
    assert capsys.readouterr().err == f"fanfold: {missing}: there is no such file\n"


@pytest.mark.parametrize("header", [HEADER, "time,open,high,low,close,trades"])
def test_a_converted_file_is_read_back_bit_by_bit(tmp_path: Path, header: str) -> None:
    name = bars(tmp_path / "BTCUSDT.csv", range(60), "100.12345678", header)
    answer = convert.command(name, output=tmp_path / "bars")
    path = answer.document["written"][0]["path"]
    assert path == str(tmp_path / "bars" / "BTC-USDT-1m.parquet")
    before, after = data_files.read(name), data_files.read(path)
    assert records(after) == records(before)
    assert (after.instrument.tick, after.instrument.lot) == (before.instrument.tick, before.instrument.lot)
    with pytest.raises(BadInput, match="there already; name another --output, or say --overwrite"):
        convert.command(name, output=tmp_path / "bars")
    convert.command(name, output=Path(path), overwrite=True)


def test_two_instruments_do_not_go_into_one_file(tmp_path: Path) -> None:
    names = [bars(tmp_path / f"{base}USDT.csv", range(30)) for base in ("BTC", "ETH")]
    with pytest.raises(BadInput, match="is one file, and there are 2 instruments: name a directory"):
        convert.command(*names, output=tmp_path / "both.parquet")
    assert not (tmp_path / "both.parquet").exists()
