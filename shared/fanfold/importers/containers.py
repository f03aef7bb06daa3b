"""Identify a data file by its first bytes: compressed, an archive, a columnar format, text, or nothing to read."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa

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


def unpack(path: Path) -> Content:
    """Return what a file holds once it is decompressed. Raises BadInput for what cannot be read, and says why."""
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
    while inner := _inner(path, content):
        content = inner
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


def _inner(path: Path, content: Content) -> Content | None:
    """Return what is inside, one layer down; None where nothing is around it."""
    body = content.body
    if body.startswith(b"PK") and not is_excel(body):
        return _unzip(path, body)
    if body[257:262] == b"ustar":
        return _untar(path, body)
    for magic, kind, decompress in _COMPRESSED:
        if body.startswith(magic):
            try:
                plain = decompress(body)
            except (OSError, zlib.error, EOFError, lzma.LZMAError, ValueError, pa.ArrowException) as wrong:
                refuse(path, f"the {kind} cannot be read ({wrong}); download it again")
            if not plain or plain.isspace():
                refuse(path, f"the {kind} holds an empty file")
            return Content(PurePosixPath(content.name).stem, plain, content.prefix)
    return None


def _unzip(path: Path, body: bytes) -> Content:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            name = _only(path, "zip", archive.namelist())
            return Content(PurePosixPath(name).name, archive.read(name), "zip of ")
    except BadInput:
        raise
    except _DAMAGES as wrong:
        refuse(path, f"the zip cannot be read ({wrong}); download it again")


def _untar(path: Path, body: bytes) -> Content:
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            name = _only(path, "tar", [member.name for member in archive.getmembers() if member.isfile()])
            member = archive.extractfile(name)
            assert member is not None
            return Content(PurePosixPath(name).name, member.read(), "tar of ")
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


def _of_zstd(body: bytes) -> bytes:
    return _by_arrow("zstd", body)


def _of_lz4(body: bytes) -> bytes:
    return _by_arrow("lz4", body)


def _by_arrow(codec: str, body: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
        plain: bytes = stream.read()
        return plain


_COMPRESSED: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", "gzip", gzip.decompress),
    (b"BZh", "bzip2", bz2.decompress),
    (b"\xfd7zXZ\x00", "xz", lzma.decompress),
    (b"\x28\xb5\x2f\xfd", "zstd", _of_zstd),
    (b"\x04\x22\x4d\x18", "lz4", _of_lz4),
)
