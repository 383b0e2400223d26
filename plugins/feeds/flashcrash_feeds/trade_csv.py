"""CSV files of trades: their header, their first lines, and why a row cannot be used."""

from collections.abc import Generator
from pathlib import Path
from typing import Final

from flashcrash_core.api import BadNumber, DataError, LineReader, read_head

__all__ = ["field_reason", "first_lines", "probed_lines", "split_header"]

PROBED_ROWS: Final = 2000


def split_header(line: bytes) -> list[str]:
    """Column names of a header line, lower case, without quotes, spaces and byte order mark."""
    text = line.decode("utf-8-sig", "replace")
    return [name.strip().strip('"').lower() for name in text.rstrip("\r\n").split(",")]


def first_lines(path: Path, count: int = PROBED_ROWS) -> list[bytes]:
    """The first lines of a file. Raises DataError for an empty, missing or unreadable one."""
    return list(probed_lines(path, count))


def probed_lines(path: Path, count: int) -> Generator[bytes, None, None]:
    """:func:`first_lines` one by one, for a look at more than should be held."""
    if not read_head(path).strip():
        raise DataError(f"{path}: no events; the file is empty, check that it was downloaded completely")
    reader = LineReader(path)
    try:
        for raw in reader:
            yield raw
            if reader.line >= count:
                break
    except DataError:
        if not reader.line:
            raise
        # A file cut this early is still read as far as it goes; events() then tells where it breaks off.
    finally:
        reader.close()


def field_reason(error: Exception) -> tuple[str, str]:
    """Reason and detail of a row that cannot be used, from what was raised while reading it."""
    if isinstance(error, BadNumber):
        return error.reason, str(error)
    if isinstance(error, IndexError):
        return "missing_field", "fewer columns than the header promises"
    if isinstance(error, KeyError):
        return "bad_side", f"side {error.args[0]!r} is not one of this format"
    if isinstance(error, UnicodeDecodeError):
        return "not_text", "bytes that are no text"
    return "not_a_number", str(error)
