"""One file of a recording while it is written: gzip members of about a second each, so that a kill costs the last one only.

A member is compressed as a whole and written in one go. What the disk did not take is cut off again: the file ends with a whole
member at any time, except while one is being written.
"""

import gzip
import os
from pathlib import Path
from typing import Final

from flashcrash_binance.recording.layout import open_name, sync_folder

__all__ = ["PartFile", "packed"]

LEVEL: Final = 6
"""Of the compression: on a real capture in members of a second 7.7 times smaller at 68 MB/s (docs/recording.md)."""


def packed(lines: bytes) -> bytes:
    """One gzip member, the same bytes for the same lines."""
    return gzip.compress(lines, LEVEL, mtime=0)


class PartFile:
    """An open file; ``path`` is the name that it gets when it is complete. Calls raise OSError. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open_path = open_name(path)
        self.held_bytes = 0
        """Bytes of lines that wait for the next :meth:`seal`."""
        self.size = 0
        """Bytes of whole members in the file."""
        self._held: list[bytes] = []
        self._dirty = False
        self._descriptor = os.open(self.open_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)

    def add(self, receive_us: int, payload: bytes) -> None:
        """Hold a line for the next member."""
        if b"\n" in payload or b"\r" in payload:  # white space in JSON; a line is a line
            payload = payload.replace(b"\r", b" ").replace(b"\n", b" ")
        line = b"%d000 %b\n" % (receive_us, payload)
        self._held.append(line)
        self.held_bytes += len(line)

    def take(self) -> bytes:
        """What is held, as a member; nothing is held afterwards. Empty when nothing was."""
        if not self._held:
            return b""
        lines = b"".join(self._held)
        self._held.clear()
        self.held_bytes = 0
        return packed(lines)

    def write(self, member: bytes) -> None:
        """Append a member. Where the disk takes only a part of it the file is as it was before."""
        view = memoryview(member)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(member)
        self._dirty = True

    def sync(self) -> None:
        """Make what was written durable."""
        if self._dirty:
            self._dirty = False
            getattr(os, "fdatasync", os.fsync)(self._descriptor)

    def complete(self) -> None:
        """Give the file its name. An empty one is removed. What is still held is not written."""
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
        if self.size:
            self.open_path.rename(self.path)
        else:
            self.open_path.unlink()
        sync_folder(self.path.parent)
