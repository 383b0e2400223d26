"""What file feeds share: a feed that opens one file, and its source with one reader at a time, progress, and one end for all."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from attrs import frozen

from flashcrash_core.api import DataError, FeedRequest, LineReader, MarketEvent, SourceInfo
from flashcrash_feeds.tally import Tally

__all__ = ["FileFeed", "FileSource"]

S = TypeVar("S", bound="FileSource")


@frozen
class FileFeed(Generic[S]):
    """Opens files of one layout. ``wanted`` says in messages what to name."""

    name: str
    wanted: str
    source: Callable[[Path, FeedRequest], S]

    def open(self, request: FeedRequest) -> S:
        """Open the file at ``request.path``. Raises DataError."""
        if request.path is None:
            raise DataError(f"feed {self.name}: no file given; name {self.wanted} with --tape PATH")
        return self.source(request.path, request)


class FileSource(ABC):
    """An opened file. It holds nothing until events are asked for, and nothing after :meth:`close` or the last event."""

    def __init__(self, path: Path, info: SourceInfo, tally: Tally) -> None:
        self._info = info
        self._tally = tally
        self._path = path
        self._reader: LineReader | None = None
        self._closed = False

    @property
    def info(self) -> SourceInfo:
        """What name and first lines told."""
        return self._info

    @abstractmethod
    def events(self) -> Iterator[MarketEvent]:
        """All events in the order of the file; none once the source is closed."""

    def _open_reader(self, path: Path | None = None) -> LineReader | None:
        """The file (or that one of several) from its start, or None when the source is closed."""
        self._release()
        if self._closed:
            return None
        self._reader = LineReader(path or self._path)
        return self._reader

    def _finish(self, usable: int) -> None:
        """The lines are at their end. Raises DataError if the whole file held nothing that could be used."""
        if self._closed:
            return  # not the file's end: the reader was stopped
        self._release()
        self._tally.usable = usable
        self._tally.finish()

    def _release(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def progress(self) -> float | None:
        """Fraction of the (compressed) file read."""
        return self._reader.fraction if self._reader is not None else 0.0

    @property
    def line(self) -> int:
        """Number of the line read last, 0 before the first."""
        return self._reader.line if self._reader is not None else 0

    def close(self) -> None:
        """Close the file and end the events; idempotent."""
        self._closed = True
        self._release()
