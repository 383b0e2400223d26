"""CSV files of trades: their header, and the source that tardis and bulk files share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flashcrash_core.api import BadNumber, DataError, LineReader, MarketEvent, SourceInfo, read_head
from flashcrash_feeds.tally import Tally

__all__ = ["TradeCsvSource", "field_reason", "first_lines", "split_header"]

PROBED_ROWS: Final = 2000


def split_header(line: bytes) -> list[str]:
    """Column names of a header line, lower case, without quotes, spaces and byte order mark."""
    text = line.decode("utf-8-sig", "replace")
    return [name.strip().strip('"').lower() for name in text.rstrip("\r\n").split(",")]


def first_lines(path: Path, count: int = PROBED_ROWS) -> list[bytes]:
    """The first lines of a file. Raises DataError for an empty, missing or unreadable one."""
    if not read_head(path).strip():
        raise DataError(f"{path}: no events; the file is empty, check that it was downloaded completely")
    reader = LineReader(path)
    lines: list[bytes] = []
    try:
        for raw in reader:
            lines.append(raw)
            if len(lines) >= count:
                break
    except DataError:
        if not lines:
            raise
        # A file cut this early is still read as far as it goes; events() then tells where it breaks off.
    finally:
        reader.close()
    return lines


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


class TradeCsvSource(ABC):
    """An opened CSV file of trades: reading, progress and the account of refused rows. What a row means is the subclass's."""

    def __init__(self, path: Path, info: SourceInfo, tally: Tally) -> None:
        self._info = info
        self._tally = tally
        self._path = path
        self._reader: LineReader | None = None

    @property
    def info(self) -> SourceInfo:
        """What header, name and first rows told."""
        return self._info

    def _open_reader(self) -> LineReader:
        """The file is opened when events are asked for, so that a source opened for its info holds nothing."""
        self.close()
        self._reader = LineReader(self._path)
        return self._reader

    @abstractmethod
    def events(self) -> Iterator[MarketEvent]:
        """All trades in the order of the file, a FeedGap before a trade whose predecessors are missing."""

    def progress(self) -> float | None:
        """Fraction of the (compressed) file read."""
        return self._reader.fraction if self._reader is not None else 0.0

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._reader is not None:
            self._reader.close()
