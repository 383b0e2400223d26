"""Reading market data files line by line: plain, gzip or zip, with progress and clear errors."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from flashcrash_core.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["MANIFEST_NAME", "RECORDING_NAME", "LineReader", "read_head"]

MANIFEST_NAME: Final = "tape.json"
"""The file that makes a folder a tape (flashcrash_core/market/tape)."""
RECORDING_NAME: Final = "recording.json"
"""The file that makes a folder a recording (flashcrash_core/market/recordings.py)."""

_HEAD_BYTES: Final = 4096
_BUFFER_BYTES: Final = 65_536
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


class LineReader:
    """Lines of a file as bytes without their newline; ``line`` is the number of the last one, ``fraction`` how much was read.

    Closing it ends the lines. Raises :class:`DataError` for a missing, unreadable or truncated file, naming file and line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closed = False
        self.line = 0
        self._raw, self._stream = _open(path)
        self._size = max(path.stat().st_size, 1)

    def __iter__(self) -> Iterator[bytes]:
        stream = self._stream
        try:
            for raw in stream:
                self.line += 1
                yield raw.rstrip(b"\r\n")
        except _BROKEN as error:
            raise DataError(
                f"{self.path}: the compressed file breaks off after line {self.line} ({error}); it is truncated or damaged. "
                f"Download it again; what was read before was processed"
            ) from None
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read after line {self.line}: {error.strerror or error}") from None
        except ValueError:  # what Python raises for reading a closed file
            if not self._closed:
                raise

    @property
    def fraction(self) -> float:
        """Part of the (compressed) file consumed, 0 to 1."""
        try:
            return min(self._raw.tell() / self._size, 1.0)
        except ValueError:  # closed
            return 1.0

    def close(self) -> None:
        """Close the file; idempotent."""
        self._closed = True
        self._stream.close()
        self._raw.close()


def read_head(path: Path) -> bytes:
    """The first 4 KiB of decompressed content, for recognising a format; of a tape or a recording, those of its manifest.

    Raises DataError like :class:`LineReader`.
    """
    for name in (MANIFEST_NAME, RECORDING_NAME):
        if (path / name).is_file():
            path = path / name
            break
    raw, stream = _open(path)
    try:
        return stream.read(_HEAD_BYTES)
    except _BROKEN:
        raise DataError(
            f"{path}: looks compressed but cannot be decompressed; it is truncated or damaged. Download it again"
        ) from None
    finally:
        stream.close()
        raw.close()


class _Decompressed(io.RawIOBase):
    """A decompressing stream in chunks as they come, for a BufferedReader on top.

    Reading lines from GzipFile itself costs a Python call for each; and its own larger reads would drop, at a truncation, what they
    had gathered so far.
    """

    def __init__(self, inner: gzip.GzipFile | zipfile.ZipExtFile) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        chunk = self._inner.read1(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _buffered(inner: gzip.GzipFile | zipfile.ZipExtFile) -> io.BufferedReader:
    return io.BufferedReader(_Decompressed(inner), _BUFFER_BYTES)


def _open(path: Path) -> tuple[BinaryIO, io.BufferedIOBase]:
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a directory; name the files in it")
        raw = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path (relative paths start at {Path.cwd()})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror or error}") from None
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return raw, _buffered(gzip.GzipFile(fileobj=raw, mode="rb"))
    if magic == b"PK\x03\x04":
        try:
            archive = zipfile.ZipFile(raw)
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raw.close()
                raise DataError(f"{path}: expected one file inside the zip, found {len(names)}; unpack it and name the file")
            return raw, _buffered(cast("zipfile.ZipExtFile", archive.open(names[0])))
        except zipfile.BadZipFile as error:
            raw.close()
            raise DataError(f"{path}: damaged zip ({error}); download it again") from None
        except (NotImplementedError, RuntimeError) as error:  # a method this Python lacks, or a password
            raw.close()
            raise DataError(f"{path}: this zip cannot be read ({error}); unpack it and name the file inside") from None
    return raw, raw
