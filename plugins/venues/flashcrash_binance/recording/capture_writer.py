"""Writes recorded lines in a thread of its own: the feed appends to a queue, and never waits for a disk or for compression.

The queue is bounded. Who puts into it asks :attr:`CaptureWriter.full` first and leaves lines out while it is. Durability: a line
is in the file within about a second (it then survives a kill of this process), and on the disk within :data:`SYNC_S` seconds (it
then survives a loss of power); a complete file is on the disk before it gets its name.
"""

import errno
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

from attrs import define, field

from flashcrash_binance.recording.control_lines import BookPicture, Heading, book_line, gap_line, heading_line, snapshot_line
from flashcrash_binance.recording.disk_budget import DiskBudget, OutOfRoom
from flashcrash_binance.recording.layout import free_path
from flashcrash_binance.recording.part_file import PartFile
from flashcrash_core.api import Instrument

__all__ = [
    "MAX_QUEUED_BYTES",
    "MAX_QUEUED_LINES",
    "SEAL_S",
    "SYNC_S",
    "CaptureWriter",
    "Item",
    "LostLines",
    "NewBook",
    "NewFile",
    "Track",
]

MAX_QUEUED_LINES: Final = 400_000
MAX_QUEUED_BYTES: Final = 64 << 20
SEAL_S: Final = 1.0
"""Between members of a file: what a kill costs at most, and the time that the writer needs for one."""
SYNC_S: Final = 10.0
"""Between calls of fdatasync."""
_TURN_S: Final = 0.1
_BREATH_LINES: Final = 32
_LARGE_BYTES: Final = 4 << 20
"""Lines of one file that are not held for the second to end."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@define(eq=False)
class Track:
    """One symbol in the writer's hands."""

    instrument: Instrument
    folder: Path
    recording: str
    part: int = 0
    file: PartFile | None = None


@define(frozen=True)
class NewFile:
    """In the queue: the lines after it belong into a new file."""


@define(frozen=True)
class NewBook:
    """In the queue: a book, as a snapshot for everybody, or (``carried``) for who begins with this file."""

    picture: BookPicture
    carried: bool


@define(frozen=True)
class LostLines:
    """In the queue: lines are missing here."""

    reason: str


Item = tuple[Track, int, "bytes | NewFile | NewBook | LostLines"]
"""Whose it is, when it was received in microseconds, and what it is."""


@define(eq=False)
class CaptureWriter:
    """One thread that writes the queue to files. :meth:`put` comes from one thread, :meth:`close` from any, once.

    ``stopped`` tells why nothing is written any more, "" while all is well.
    """

    budget: DiskBudget
    stopped: str = ""
    lines: int = 0
    written_bytes: int = 0
    """Compressed bytes written."""
    raw_bytes: int = 0
    files: list[Path] = field(factory=list)
    """Complete files."""
    _tracks: list[Track] = field(factory=list)
    _queue: deque[Item] = field(factory=deque)
    _put_bytes: int = 0
    _drained_bytes: int = 0
    _ending: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, tracks: list[Track]) -> None:
        """Begin to write."""
        self._tracks = tracks
        self._thread = threading.Thread(target=self._run, name="flashcrash-recorder", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether the queue holds all that it may."""
        return len(self._queue) >= MAX_QUEUED_LINES or self._put_bytes - self._drained_bytes >= MAX_QUEUED_BYTES

    @property
    def roomy(self) -> bool:
        """Whether at least half of the queue is free."""
        return len(self._queue) < MAX_QUEUED_LINES // 2 and self._put_bytes - self._drained_bytes < MAX_QUEUED_BYTES // 2

    def put(self, item: Item) -> None:
        """Queue one thing; times of receipt do not go back."""
        what = item[2]
        if isinstance(what, bytes):
            self._put_bytes += len(what)
        self._queue.append(item)

    def close(self, timeout_s: float = 60.0) -> None:
        """Write what is queued, complete the files, and end the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                self.stopped = (
                    self.stopped or f"the disk of {self.budget.folder} did not take the last lines within {timeout_s:g} s"
                )

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        seal_at = time.monotonic() + SEAL_S
        sync_at = time.monotonic() + SYNC_S
        try:
            while True:
                ending = self._ending.wait(_TURN_S)
                self._write_queue()
                now = time.monotonic()
                if ending or now >= seal_at:
                    seal_at = now + SEAL_S
                    for track in self._tracks:
                        self._seal(track)
                if now >= sync_at:
                    sync_at = now + SYNC_S
                    for track in self._tracks:
                        if track.file is not None:
                            track.file.sync()
                if ending:
                    for track in self._tracks:
                        self._complete(track)
                    return
        except OutOfRoom as problem:
            self._stop(str(problem))
        except OSError as error:
            self._stop(f"{self.budget.folder}: {error.strerror or error}; repair or free the disk")
        except Exception as error:  # a defect; the run must go on, and the user must know
            self._stop(f"{type(error).__name__}: {error}; report this to the developers")

    def _write_queue(self) -> None:
        queue = self._queue
        while queue:
            if not self.lines % _BREATH_LINES:
                time.sleep(0)  # gives the interpreter to the feed's thread, which would else wait up to 5 ms for it
            track, receive_us, what = queue.popleft()
            if isinstance(what, bytes):
                self._drained_bytes += len(what)
                self._add(track, receive_us, what)
            elif isinstance(what, LostLines):
                self._add(track, receive_us, gap_line(track.instrument.symbol, what.reason))
            elif isinstance(what, NewFile):
                self._seal(track)
                self._complete(track)
                self._begin(track, receive_us)
            else:
                line = (book_line if what.carried else snapshot_line)(what.picture, track.instrument)
                self._add(track, receive_us, line)

    def _add(self, track: Track, receive_us: int, line: bytes) -> None:
        if track.file is None:
            self._begin(track, receive_us)
        file = track.file
        assert file is not None
        file.add(receive_us, line)
        self.lines += 1
        if file.held_bytes >= _LARGE_BYTES:
            self._seal(track)

    def _begin(self, track: Track, receive_us: int) -> None:
        track.part += 1
        track.file = PartFile(free_path(track.folder, track.instrument.symbol, receive_us))
        track.file.add(receive_us, heading_line(Heading.of(track.instrument, track.recording, track.part)))

    def _seal(self, track: Track) -> None:
        file = track.file
        if file is None or not file.held_bytes:
            return
        self.raw_bytes += file.held_bytes
        member = file.take()
        while True:
            self.budget.require(len(member))
            try:
                file.write(member)
            except OSError as error:
                if error.errno in _NO_ROOM and self.budget.delete_oldest():
                    continue
                raise
            break
        self.budget.wrote(len(member))
        self.written_bytes += len(member)

    def _complete(self, track: Track) -> None:
        file, track.file = track.file, None
        if file is not None:
            file.complete()
            if file.size:
                self.files.append(file.path)

    def _stop(self, why: str) -> None:
        """Give up recording, with what was written complete. The feed sees ``stopped`` and puts nothing more."""
        self.stopped = why
        for track in self._tracks:
            try:
                self._complete(track)
            except OSError as error:
                self.stopped += f" ({track.folder.name} could not be completed either: {error.strerror or error})"
        self._queue.clear()
