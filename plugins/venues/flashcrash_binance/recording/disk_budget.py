"""How much of the disk recordings may take. Without room the oldest files go if the user said so; else recording stops."""

import shutil
from collections.abc import Callable
from pathlib import Path

from flashcrash_binance.recording.layout import all_files, complete_files
from flashcrash_core.api import RecordingOptions

__all__ = ["DiskBudget", "OutOfRoom"]


class OutOfRoom(Exception):
    """There is no room for what would be written; the message says why and what to do."""


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write to the disk of ``folder``. Raises OSError."""
    return shutil.disk_usage(folder).free


class DiskBudget:
    """Counts what is below one folder, and makes room in it. ``deleted`` are the files that went for it."""

    def __init__(self, options: RecordingOptions, free: Callable[[Path], int] = free_bytes) -> None:
        self.folder = options.folder
        self.deleted: list[Path] = []
        self._options = options
        self._free = free
        self._held = sum(file.stat().st_size for file in all_files(options.folder))

    def wrote(self, size: int) -> None:
        """Count bytes that were written."""
        self._held += size

    def require(self, size: int) -> None:
        """See that ``size`` bytes may be written. Raises OutOfRoom, OSError."""
        while problem := self._problem(size):
            if not self.delete_oldest():
                raise OutOfRoom(problem)

    def delete_oldest(self) -> bool:
        """Delete the oldest complete file, if the user allowed it and there is one. Raises OSError."""
        if not self._options.delete_oldest:
            return False
        oldest = next(iter(complete_files(self.folder)), None)
        if oldest is None:
            return False
        size = oldest.stat().st_size
        oldest.unlink()
        self._held -= size
        self.deleted.append(oldest)
        return True

    def _problem(self, size: int) -> str:
        options = self._options
        if options.max_bytes is not None and self._held + size > options.max_bytes:
            return (
                f"the recordings in {self.folder} have {self._held:,} bytes, and --max-bytes allows {options.max_bytes:,}; move "
                "old files away, or let the oldest go with --delete-oldest"
            )
        if options.min_free_bytes and (free := self._free(self.folder)) - size < options.min_free_bytes:
            return (
                f"the disk of {self.folder} has {free:,} bytes free, and {options.min_free_bytes:,} are to stay free (--min-free); "
                "make room, or let the oldest files go with --delete-oldest"
            )
        return ""
