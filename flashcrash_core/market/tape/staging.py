"""Where tapes are made: a hidden folder beside their place, moved there at the end. Whatever ends an import leaves no half tape.

A tape is on the disk before it is at its place: its files, then its folder, are synced, then it is moved, then the folders that
hold the new names are synced. So what is there after a power failure is whole, and what an import said to be there is there.

The hidden folder is locked by the process that fills it. The system drops the lock with the process, so the next import knows the
leftovers of a killed one from the folder of one that is still running, and removes them.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from flashcrash_core.errors import DataError, StorageError, UsageError
from flashcrash_core.market.tape.manifest import MANIFEST_NAME, read_manifest

__all__ = ["STAGING_PREFIX", "Published", "Staging"]

STAGING_PREFIX: Final = ".tape-import-"


@frozen
class Published:
    """A tape at its place. ``outcome``: ``written``, ``unchanged`` (the same content was there) or ``replaced``."""

    path: Path
    outcome: str


@define
class Staging:
    """The hidden folder of one import into ``out``. A context manager: what was not published is removed when it ends."""

    out: Path
    force: bool = False
    folder: Path = field(init=False)
    leftovers: int = field(init=False, default=0)
    """Folders of killed imports that were removed."""
    _lock: int = field(init=False, default=-1)
    _made: list[Path] = field(init=False, factory=list)

    def __enter__(self) -> "Staging":
        """Make the hidden folder. Raises UsageError when ``out`` cannot be written."""
        try:
            missing = [parent for parent in (self.out, *self.out.parents) if not parent.exists()]
            self.out.mkdir(parents=True, exist_ok=True)
            self._made = missing
            with _locked(self.out):  # nobody may take the new folder for a leftover before it is locked
                self.leftovers = _remove_leftovers(self.out)
                self.folder = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=self.out))
                self._lock = os.open(self.folder, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{self.out}: tapes cannot be written there: {error.strerror or error}; name another folder") from None
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        for folder in self._made:  # what was made for nothing goes again
            with suppress(OSError):
                folder.rmdir()

    def place(self, relative: Path) -> Path:
        """A new folder to fill that will be ``out/relative``."""
        made = self.folder / relative
        made.mkdir(parents=True)
        return made

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around whatever writes below ``out``: a full or failing disk is told as StorageError."""
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self.out}: the tapes cannot be written: {error.strerror or error}; make room, or name another folder with --out"
            ) from None

    def refuse(self, relative: Path, digest: str) -> None:
        """Raise UsageError if ``out/relative`` is taken by anything that :meth:`publish` may not touch."""
        target = self.out / relative
        if not target.exists():
            return
        if not (target / MANIFEST_NAME).is_file():
            raise UsageError(f"{target}: is there already and is no tape; move it away, or name another folder with --out")
        if not self.force and _hash_of(target) != digest:
            raise UsageError(f"{target}: holds a tape with other content; --force replaces it, or name another folder with --out")

    def publish(self, tapes: dict[Path, str]) -> list[Published]:
        """Move the filled folders to their places; ``tapes``: relative path to content hash. Raises UsageError, StorageError."""
        for relative, digest in tapes.items():
            self.refuse(relative, digest)
        with self.writing():
            for relative in tapes:
                for file in (self.folder / relative).iterdir():
                    _sync(file)
                _sync(self.folder / relative)
            published = [self._move(relative, digest) for relative, digest in tapes.items()]
            # What is new in these: tapes and markets; the output folder itself, and those above it that were made for it.
            holders = {one.path.parent for one in published} | {self.out} | {made.parent for made in self._made}
            for holder in sorted(holders, key=lambda folder: -len(folder.parts)):
                _sync(holder)
        return published

    def _move(self, relative: Path, digest: str) -> Published:
        source, target = self.folder / relative, self.out / relative
        if target.exists():
            if _hash_of(target) == digest:
                return Published(target, "unchanged")
            old = target.with_name(f".{target.name}.old")  # outside the folder that is swept
            target.rename(old)
            try:
                source.rename(target)
            except OSError:
                old.rename(target)
                raise
            shutil.rmtree(old, ignore_errors=True)
            return Published(target, "replaced")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        return Published(target, "written")


def _sync(path: Path) -> None:
    """See a file's content, or the names in a folder, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hash_of(tape: Path) -> str:
    """Content hash of a tape that is there; "" for a damaged one, which equals none."""
    try:
        return read_manifest(tape).hash
    except DataError:
        return ""


def _remove_leftovers(out: Path) -> int:
    removed = 0
    for folder in out.glob(f"{STAGING_PREFIX}*"):
        with suppress(OSError), _locked(folder, wait=False):
            shutil.rmtree(folder)
            removed += 1
    return removed


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder. Raises OSError when another process has it and ``wait`` is False."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
