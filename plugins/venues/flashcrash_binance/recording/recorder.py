"""The recorder as a feed sees it: a callback for each accepted line, cheap enough for the hot path.

Everything that a replay needs to decide as the run did goes to the files: the messages, what the feed told beside them (control
lines), and at the start of each file the feed's own book, so that the file can be read by itself. What the run did not take any
more when it ended is left out.
"""

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define

from flashcrash_binance.recording.capture_writer import CaptureWriter, Item, LostLines, NewBook, NewFile, Track
from flashcrash_binance.recording.control_lines import BookPicture
from flashcrash_binance.recording.disk_budget import DiskBudget
from flashcrash_binance.recording.layout import folder_of, period_end_us, write_manifest
from flashcrash_binance.recording.recovery import Recovered, finish_leftovers
from flashcrash_core.api import BookSync, Instrument, RecordingOptions, StorageError, SyncState, UsageError

__all__ = ["OVERFLOW", "Recorder"]

OVERFLOW: Final = "recorder_overflow"
"""Reason of the gap line where lines are missing because the disk was too slow."""
_LOCK_NAME: Final = ".recorder.lock"


@define(eq=False)
class _Symbol:
    """What the hot path knows of one symbol. ``attend`` says that the next line needs more than being queued."""

    track: Track
    ends_us: int = 0
    attend: bool = True
    owes_book: bool = False
    owes_snapshot: bool = False
    lost: int = 0
    lost_since_us: int = 0


class Recorder:
    """Records one feed into a folder. :meth:`captured` and :meth:`took` come from the feed's thread.

    ``book`` gives the feed's own book of a symbol, None while the feed knows that it is wrong.

    Raises UsageError where somebody records already, StorageError where nothing can be written.
    """

    def __init__(
        self,
        options: RecordingOptions,
        instruments: Mapping[str, Instrument],
        book: Callable[[str], BookSync | None],
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._options = options
        self._book = book
        self._rotate_us = round(options.rotate_s * 1e6)
        self.lines_lost = 0
        self.recovered: list[Recovered] = []
        self._untaken: deque[Item] = deque()
        """Lines of events that wait for the run, as the feed's own queue holds them."""
        self._told = False
        self._closed = False
        root = options.folder
        name = f"{clock_ns():x}"
        tracks = [Track(one, folder_of(root, one), name) for one in instruments.values()]
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(root / _LOCK_NAME, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise StorageError(
                f"{root}: cannot be recorded to: {error.strerror or error}; name a folder that you may write"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError(f"{root}: another process records there; give each recorder a folder of its own") from None
        try:
            for place, track in enumerate(tracks):
                write_manifest(track.folder, track.instrument, place)
            self.recovered = finish_leftovers(root)
            self.writer = CaptureWriter(DiskBudget(options))
        except OSError as error:
            os.close(self._lock)
            raise StorageError(
                f"{root}: cannot be recorded to: {error.strerror or error}; name a folder that you may write"
            ) from None
        self._symbols = {track.instrument.symbol: _Symbol(track) for track in tracks}
        self.writer.start(tracks)

    # -- the hot path ------------------------------------------------------------------------------------------------

    def captured(self, symbol: str, receive_us: int, line: bytes) -> None:
        """The line of an event that the feed tells: a message in the combined form, a bare snapshot, or a control line.

        ``receive_us`` is the event's, and later than that of any line before it.
        """
        writer = self.writer
        if writer.stopped:
            self._tell()
            return
        known = self._symbols[symbol]
        if receive_us >= known.ends_us or known.attend:
            self._attend(known, receive_us)
        if known.lost or writer.full:
            if not known.lost:
                known.lost_since_us = receive_us
                known.attend = True
            known.lost += 1
            self.lines_lost += 1
            return
        self._untaken.append((known.track, receive_us, line))

    def took(self, receive_us: int) -> None:
        """The run takes the event that was received then. Lines before it whose events it never took are left out."""
        untaken = self._untaken
        while untaken and untaken[0][1] <= receive_us:
            item = untaken.popleft()
            if item[1] == receive_us or not isinstance(item[2], bytes):
                self.writer.put(item)

    def _attend(self, known: _Symbol, receive_us: int) -> None:
        """What comes before this line: a new file, a gap where lines were lost, a book that is owed."""
        track, put = known.track, self._untaken.append
        if known.lost:
            if not self.writer.roomy:
                return
            # The gap stands where the first lost line would, and the book after it: a replay is blind for as long as the run
            # was not, but right again from here on.
            put((track, known.lost_since_us, LostLines(OVERFLOW)))
            known.lost = 0
            known.owes_snapshot = True
        if receive_us >= known.ends_us:
            first = not known.ends_us
            known.ends_us = period_end_us(receive_us, self._rotate_us)
            if not first:
                put((track, receive_us, NewFile()))
                known.owes_book = True
        if known.owes_book or known.owes_snapshot:
            book = self._book(track.instrument.symbol)
            if book is None or book.state is not SyncState.SYNCED:
                known.attend = True
                return
            put((track, receive_us, NewBook(BookPicture.of(book), carried=not known.owes_snapshot)))
            known.owes_book = known.owes_snapshot = False
        known.attend = False

    # -- beside it ---------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """How the recording is doing, as plain data."""
        writer = self.writer
        return {
            "folder": str(self._options.folder),
            "lines": writer.lines,
            "lines_lost": self.lines_lost,
            "bytes": writer.written_bytes,
            "raw_bytes": writer.raw_bytes,
            "files": [str(path) for path in writer.files if path not in writer.budget.deleted],
            "deleted": [str(path) for path in writer.budget.deleted],
            "recovered": [str(one.path) for one in self.recovered if one.path is not None],
            "stopped": writer.stopped,
        }

    def close(self) -> None:
        """Write what was taken and complete the files; idempotent."""
        if self._closed:
            return
        self._closed = True
        self.writer.close()
        self._tell()
        os.close(self._lock)

    def _tell(self) -> None:
        if self.writer.stopped and not self._told:
            self._told = True
            self._options.tell(f"recording stopped: {self.writer.stopped}. What was recorded until then is complete")
