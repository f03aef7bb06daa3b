"""Identify a data file by its first bytes: compressed, an archive, a columnar format, text, or nothing to read."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn, Protocol

import pyarrow as pa
from pyarrow import parquet

from fanfold.errors import BadInput
from fanfold.importers.table import refuse

# Of what is never read: first bytes, what it is, and what to do.
_UNREADABLE = (
    (b"\x80\x02", "a Python pickle, which runs code when it is read", "write Parquet or CSV from it"),
    (b"\x80\x03", "a Python pickle, which runs code when it is read", "write Parquet or CSV from it"),
    (b"\x80\x04", "a Python pickle, which runs code when it is read", "write Parquet or CSV from it"),
    (b"\x80\x05", "a Python pickle, which runs code when it is read", "write Parquet or CSV from it"),
    (b"\x89HDF", "HDF5", "write Parquet or CSV from it"),
    (b"SQLite format 3", "a SQLite database", "export its table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)", "save it as .xlsx or CSV"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"%PDF", "a PDF", "download the data itself"),
    (b"\x89PNG", "a picture", "download the data itself"),
    (b"\x93NUMPY", "a NumPy array, whose columns have no names", "write Parquet or CSV from it"),
    (b"ORC", "ORC", "write Parquet from it"),
    (b"Obj\x01", "Avro", "write Parquet from it"),
)
# A file that unpacks to more is refused while it is unpacked: a small one can unpack to any size. A year of bars of a
# second as CSV is just below.
PLAIN_MAX = 4 << 30
# A file may be packed so often, as a tar in a gzip in a zip is. One that holds itself has no innermost layer.
LAYERS_MAX = 4
_CHUNK = 1 << 20
# Deflate packs at most so many bytes into one.
_DEFLATE_MAX = 1032
_CELL = 8
_EXCEL = "[Content_Types].xml"
# Where macOS keeps attributes of files beside them.
_RESOURCES = "__MACOSX"


# What the libraries of archives raise for one that is damaged.
_DAMAGES = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(RuntimeError, EOFError, NotImplementedError, ValueError, OSError),
)


class Content(NamedTuple):
    """The bytes that hold the bars, the name that they had in their archive, and what was around them."""

    name: str
    body: bytes
    prefix: str = ""


class _Packed(Protocol):
    """A stream that unpacks as it is read."""

    def read(self, size: int, /) -> bytes: ...


def unpack(path: Path, plain_max: int = PLAIN_MAX) -> Content:
    """Return what a file holds once it is decompressed, at most ``plain_max`` bytes.

    Raises BadInput for what cannot be read, and says why.
    """
    if path.is_dir():
        refuse(path, "is a directory: name the files in it")
    if not path.is_file():
        if any(sign in path.name for sign in "*?["):
            refuse(path, "there is no such file; without quotes the shell puts the names of files in its place")
        if path.exists():
            refuse(path, "is no regular file, such as a pipe: store its bars in a file first")
        if path.is_symlink():
            refuse(path, f"is a link to {path.readlink()}, which is not there")
        instrument = "; an instrument behind it is written as in bars.csv=BTC/USDT" if "=" in path.name else ""
        refuse(path, f"there is no such file{instrument}")
    content = Content(path.name, _bytes(path))
    if not content.body or content.body.isspace():
        refuse(path, "the file is empty")
    content = _innermost(path, content, plain_max)
    _check_tables(path, content.body, plain_max)
    for magic, kind, cure in _UNREADABLE:
        if content.body.startswith(magic):
            refuse(path, f"this is {kind}: {cure}")
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        refuse(path, f"it cannot be read: {wrong.strerror}")


def is_excel(body: bytes) -> bool:
    """Return whether the bytes are a workbook: a zip with the parts that Excel writes."""
    if not body.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _EXCEL in archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return False


def _innermost(path: Path, content: Content, plain_max: int) -> Content:
    layers = 0
    while inner := _inner(path, content, plain_max):
        content, layers = inner, layers + 1
        if layers > LAYERS_MAX:
            refuse(path, f"it is packed more than {LAYERS_MAX} times: unpack it first")
    return content


def _inner(path: Path, content: Content, plain_max: int) -> Content | None:
    """Return what is inside, one layer down; None where nothing is around it."""
    body = content.body
    if body.startswith(b"PK") and not is_excel(body):
        return _unzip(path, body, plain_max)
    if body[257:262] == b"ustar":
        return _untar(path, body, plain_max)
    for magic, kind, stream_of in _COMPRESSED:
        if body.startswith(magic):
            try:
                with stream_of(body) as stream:
                    plain = _read(path, kind, stream, plain_max)
            except BadInput:
                raise
            except (OSError, zlib.error, EOFError, lzma.LZMAError, ValueError, pa.ArrowException) as wrong:
                refuse(path, f"the {kind} cannot be read ({wrong}); download it again")
            if not plain or plain.isspace():
                refuse(path, f"the {kind} holds an empty file")
            return Content(PurePosixPath(content.name).stem, plain, content.prefix)
    return None


def _unzip(path: Path, body: bytes, plain_max: int) -> Content:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            name = _only(path, "zip", archive.namelist())
            with archive.open(name) as stream:
                return Content(PurePosixPath(name).name, _read(path, "zip", stream, plain_max), "zip of ")
    except BadInput:
        raise
    except _DAMAGES as wrong:
        refuse(path, f"the zip cannot be read ({wrong}); download it again")


def _untar(path: Path, body: bytes, plain_max: int) -> Content:
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            name = _only(path, "tar", [member.name for member in archive.getmembers() if member.isfile()])
            member = archive.extractfile(name)
            assert member is not None
            return Content(PurePosixPath(name).name, _read(path, "tar", member, plain_max), "tar of ")
    except BadInput:
        raise
    except _DAMAGES as wrong:
        refuse(path, f"the tar cannot be read ({wrong}); download it again")


def _only(path: Path, kind: str, names: list[str]) -> str:
    """Return the one file of an archive, less what a system leaves beside it."""
    files = [
        name
        for name in names
        if not name.endswith("/")
        and _RESOURCES not in PurePosixPath(name).parts
        and not PurePosixPath(name).name.startswith(".")
    ]
    if len(files) != 1:
        names_of = f" ({', '.join(files[:3])}{' …' if len(files) > 3 else ''})" if files else ""
        refuse(path, f"the {kind} holds {len(files)} files{names_of}; it must hold one file of bars: unpack it first")
    return files[0]


def _read(path: Path, kind: str, stream: _Packed, plain_max: int) -> bytes:
    """Return what a stream unpacks to; more than ``plain_max`` bytes are never held."""
    chunks, size = list[bytes](), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > plain_max:
            _refuse_size(path, f"the {kind} unpacks to", plain_max)
        chunks.append(chunk)
    return b"".join(chunks)


def _check_tables(path: Path, body: bytes, plain_max: int) -> None:
    """Raise BadInput for a table whose cells take more than ``plain_max`` bytes; its reader unpacks them at once."""
    if is_excel(body) and len(body) * _DEFLATE_MAX > plain_max:
        with zipfile.ZipFile(io.BytesIO(body)) as workbook:
            if sum(part.file_size for part in workbook.infolist()) > plain_max:
                _refuse_size(path, "the workbook unpacks to", plain_max)
    if body.startswith(b"PAR1"):
        try:
            metadata = parquet.read_metadata(pa.BufferReader(body))
        except (pa.ArrowException, OSError):  # Its reader says what is wrong with it.
            return
        if metadata.num_rows * metadata.num_columns * _CELL > plain_max:
            rows = f"the parquet file has {metadata.num_rows:,} rows of {metadata.num_columns} columns, which are"
            _refuse_size(path, rows, plain_max)


def _refuse_size(path: Path, what: str, plain_max: int) -> NoReturn:
    size = f"{plain_max >> 30} GiB" if plain_max >= 1 << 30 else f"{plain_max:,} bytes"
    refuse(path, f"{what} more than {size}, which is the most that is read: split it, such as by month")


def _of_xz(body: bytes) -> lzma.LZMAFile:
    return lzma.LZMAFile(io.BytesIO(body))


def _of_zstd(body: bytes) -> AbstractContextManager[_Packed]:
    return _by_arrow("zstd", body)


def _of_lz4(body: bytes) -> AbstractContextManager[_Packed]:
    return _by_arrow("lz4", body)


def _by_arrow(codec: str, body: bytes) -> AbstractContextManager[_Packed]:
    stream: AbstractContextManager[_Packed] = pa.CompressedInputStream(pa.BufferReader(body), codec)
    return stream


_COMPRESSED: tuple[tuple[bytes, str, Callable[[bytes], AbstractContextManager[_Packed]]], ...] = (
    (b"\x1f\x8b", "gzip", lambda body: gzip.GzipFile(fileobj=io.BytesIO(body))),
    (b"BZh", "bzip2", lambda body: bz2.BZ2File(io.BytesIO(body))),
    (b"\xfd7zXZ\x00", "xz", _of_xz),
    (b"\x28\xb5\x2f\xfd", "zstd", _of_zstd),
    (b"\x04\x22\x4d\x18", "lz4", _of_lz4),
)
