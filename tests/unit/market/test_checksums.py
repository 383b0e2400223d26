"""Checksums beside market data files."""

import hashlib
from pathlib import Path

import pytest

from flashcrash_core.errors import DataError
from flashcrash_core.market.checksums import checksum_path, file_sha256, parse_checksum, verify_checksum

SUM = hashlib.sha256(b"trades").hexdigest()


def archive(tmp_path: Path, checksum: str | None) -> Path:
    """A file of six bytes and, if given, its checksum file."""
    path = tmp_path / "BTCUSDT-trades-2025-01-01.zip"
    path.write_bytes(b"trades")
    if checksum is not None:
        checksum_path(path).write_text(checksum)
    return path


def test_without_a_checksum_nothing_is_claimed(tmp_path: Path) -> None:
    """A file alone is not verified, and that is what is said."""
    assert verify_checksum(archive(tmp_path, None)) is None


@pytest.mark.parametrize("text", [f"{SUM}  x.zip\n", f"{SUM} *x.zip", SUM.upper(), f"\n{SUM}\tx.zip\r\n"])
def test_a_match_gives_the_sum(tmp_path: Path, text: str) -> None:
    """The line may be written in any of the ways of sha256sum."""
    assert verify_checksum(archive(tmp_path, text)) == SUM == file_sha256(archive(tmp_path, text))


def test_a_mismatch_names_both_sums(tmp_path: Path) -> None:
    """The message holds file, sum found and sum expected."""
    path = archive(tmp_path, f"{'0' * 64}  x.zip")
    with pytest.raises(DataError) as caught:
        verify_checksum(path)
    assert all(part in str(caught.value) for part in (str(path), SUM, "0" * 64))


@pytest.mark.parametrize("text", ["", "<html>not found</html>", "abc  x.zip", f"{SUM}  a\n{SUM}  b\n", f"{SUM}x  a"])
def test_a_checksum_file_that_is_none(text: str) -> None:
    """What is no checksum is refused by name, never taken for a match."""
    with pytest.raises(DataError, match=r"x\.CHECKSUM: not a checksum file"):
        parse_checksum(text, "x.CHECKSUM")


def test_an_unreadable_checksum_is_no_missing_one(tmp_path: Path) -> None:
    """A checksum that is there but cannot be read is an error: it must not pass for none."""
    path = archive(tmp_path, None)
    checksum_path(path).mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        verify_checksum(path)
