"""Reading lines: plain, gzip and zip, and every way in which a file can be unreadable."""

import gzip
import zipfile
from pathlib import Path

import pytest

from flashcrash_core.api import DataError, LineReader, read_head

LINES = [f"{number},{number * 7919 % 10007}".encode() for number in range(20_000)]
TEXT = b"\r\n".join(LINES) + b"\n"


def lines_of(path: Path) -> list[bytes]:
    """All lines; the file is closed whatever happens."""
    reader = LineReader(path)
    try:
        return list(reader)
    finally:
        reader.close()


def test_same_lines_from_plain_gzip_and_zip(tmp_path: Path) -> None:
    """Compression changes nothing, line ends are stripped, and a last line without one counts."""
    plain, packed, zipped = (tmp_path / name for name in ("a.txt", "a.gz", "a.zip"))
    plain.write_bytes(TEXT.rstrip())
    packed.write_bytes(gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", TEXT)
    assert lines_of(plain) == lines_of(packed) == lines_of(zipped) == LINES
    assert read_head(plain) == read_head(packed) == read_head(zipped) == TEXT[:4096]


def test_truncated_gzip_gives_every_whole_line_first(tmp_path: Path) -> None:
    """All lines whose bytes arrived are delivered before the error, which names file and line."""
    path = tmp_path / "cut.gz"
    body = gzip.compress(TEXT)
    path.write_bytes(body[: len(body) * 2 // 3])
    reader, got = LineReader(path), list[bytes]()
    with pytest.raises(DataError, match=r"cut\.gz: the compressed file breaks off after line \d+"):
        got.extend(reader)
    reader.close()
    assert len(got) > 5_000
    assert got == LINES[: len(got)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00garbage garbage garbage", "cannot be decompressed|breaks off"),
        (b"PK\x03\x04 but no zip", "damaged zip"),
    ],
)
def test_damaged_archives(tmp_path: Path, content: bytes, message: str) -> None:
    """What only looks compressed is told as damaged, by the head and by the lines."""
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    for read in (read_head, lines_of):
        with pytest.raises(DataError, match=message):
            read(path)


def test_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    """A zip must hold one file: which one to read is not for us to guess."""
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    with pytest.raises(DataError, match="expected one file inside the zip, found 2"):
        LineReader(path)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    """A missing path and a directory are named."""
    with pytest.raises(DataError, match=r"absent\.csv: no such file"):
        LineReader(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_head(tmp_path)
