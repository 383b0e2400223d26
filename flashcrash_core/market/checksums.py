"""SHA-256 of market data files, and the ``.CHECKSUM`` that an exchange serves beside an archive.

``<file>.CHECKSUM`` holds one line ``sha256  filename``, as ``sha256sum`` writes it (reference/binance.md section 13). When it is
there it must match: a file that was cut or changed on its way is refused before its first event.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from flashcrash_core.errors import DataError

__all__ = ["CHECKSUM_SUFFIX", "checksum_path", "file_sha256", "parse_checksum", "verify_checksum"]

CHECKSUM_SUFFIX: Final = ".CHECKSUM"
_LINE: Final = re.compile(r"([0-9a-fA-F]{64})(?:[ \t]+\*?(\S.*))?")
_CHUNK_BYTES: Final = 1 << 20
_SHOWN: Final = 80
_LONGEST: Final = 4096
"""Bytes of a checksum file that are read: one line needs a fiftieth of it."""


def checksum_path(path: Path) -> Path:
    """Where the checksum of a file stands: beside it, with ``.CHECKSUM`` after its whole name."""
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in small hexadecimal digits. Raises DataError for a file that cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"{path}: cannot be read for its checksum: {error.strerror or error}") from None
    return digest.hexdigest()


def parse_checksum(text: str, where: str) -> str:
    """The SHA-256 that a checksum file tells. ``where`` names the file in the error. Raises DataError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = _LINE.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        shown = text[:_SHOWN] + "..." if len(text) > _SHOWN else text
        raise DataError(f"{where}: not a checksum file: expected one line 'sha256  filename', found {shown!r}; download it again")
    return found[1].lower()


def verify_checksum(path: Path) -> str | None:
    """Hold a file against the checksum beside it. Returns its SHA-256, or None when there is no checksum file.

    Raises DataError with both sums when they differ, and for a checksum file that is none.
    """
    beside = checksum_path(path)
    try:
        with beside.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{beside}: cannot be read: {error.strerror or error}") from None
    expected = parse_checksum(text, str(beside))
    found = file_sha256(path)
    if found != expected:
        raise DataError(
            f"{path}: its SHA-256 is {found}, but {beside.name} beside it says {expected}; the file is damaged, incomplete or of "
            f"another issue. Download both again"
        )
    return found
