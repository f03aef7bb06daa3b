"""A small file that unpacks to a large one is refused before what it holds is held."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fanfold.errors import BadInput
from fanfold.importers import containers

LARGE = b"0" * 5_000_000
LIMIT = 4_000_000


def zipped(body: bytes, name: str = "BTCUSDT.csv") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return stream.getvalue()


def tarred(body: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("BTCUSDT.csv")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def by_arrow(codec: str) -> Callable[[bytes], bytes]:
    def compress(body: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(body)
        return sink.getvalue().to_pybytes()

    return compress


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": by_arrow("zstd"),
    "lz4": by_arrow("lz4"),
    "zip": zipped,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_what_unpacks_to_more_than_the_limit_is_refused_and_what_does_not_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(PACKERS[kind](LARGE))
    assert path.stat().st_size < 30_000
    with pytest.raises(BadInput, match=f"the {kind} unpacks to more than 4,000,000 bytes.*split it, such as by month$"):
        containers.unpack(path, LIMIT)
    assert containers.unpack(path, len(LARGE)).body == LARGE


def test_each_layer_of_an_archive_is_held_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.tar.gz"
    path.write_bytes(tarred(LARGE))
    with pytest.raises(BadInput, match="the gzip unpacks to more than 4,000,000 bytes"):
        containers.unpack(path, LIMIT)
    assert containers.unpack(path).body == LARGE


def test_a_file_that_is_packed_again_and_again_is_refused(tmp_path: Path) -> None:
    path, body = tmp_path / "BTCUSDT.gz", b"time,open,high,low,close\n"
    for times in range(1, 7):
        body = gzip.compress(body)
        path.write_bytes(body)
        if times <= containers.LAYERS_MAX:
            assert containers.unpack(path).body.startswith(b"time")
        else:
            with pytest.raises(BadInput, match="it is packed more than 4 times: unpack it first"):
                containers.unpack(path)


def test_a_parquet_file_of_more_cells_than_the_limit_is_refused_by_what_it_states(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    parquet.write_table(pa.table({name: pa.nulls(1_000_000, pa.int64()) for name in ("time", "open")}), path)
    with pytest.raises(BadInput, match="has 1,000,000 rows of 2 columns, which are more than 4,000,000 bytes"):
        containers.unpack(path, LIMIT)
    assert containers.unpack(path).body.startswith(b"PAR1")


def test_a_workbook_whose_parts_unpack_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path, stream = tmp_path / "BTCUSDT.xlsx", io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as workbook:
        workbook.writestr("[Content_Types].xml", b"")
        workbook.writestr("xl/worksheets/sheet1.xml", LARGE)
    path.write_bytes(stream.getvalue())
    with pytest.raises(BadInput, match="the workbook unpacks to more than 4,000,000 bytes"):
        containers.unpack(path, LIMIT)
