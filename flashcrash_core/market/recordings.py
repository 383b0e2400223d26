"""Recordings of running markets: what a source is asked to keep, and how the folders are told and found again.

A recording of one symbol is a folder with ``recording.json`` and files that are read in the order of their names. A recorder of
several symbols makes one such folder for each, side by side. What is in the files is the business of the feed that reads them.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import msgspec
from attrs import field, frozen, validators

from flashcrash_core.errors import DataError
from flashcrash_core.market.feed import FeedSource
from flashcrash_core.market.files import RECORDING_NAME

__all__ = [
    "OPEN_SUFFIX",
    "RECORDING_NAME",
    "ChainedSource",
    "RecordableSource",
    "RecordingManifest",
    "RecordingOptions",
    "is_recording",
    "recording_bytes",
    "recording_files",
    "recordings_among",
]

OPEN_SUFFIX: Final = ".part"
"""End of the name of a file that is being written, or that its recorder left when it was killed."""


def _say_nothing(_message: str) -> None:
    """For who does not want to be told."""


@frozen(kw_only=True)
class RecordingOptions:
    """Where and how to record. Sizes are bytes of compressed files."""

    folder: Path
    rotate_s: float = field(default=3600.0, validator=[validators.ge(1.0), validators.le(86_400.0)])
    """Length of a file in receive time; files begin at whole multiples of it (UTC)."""
    max_bytes: int | None = field(default=None, validator=validators.optional(validators.gt(0)))
    """What all files below ``folder`` may have; None: only the disk bounds them."""
    min_free_bytes: int = field(default=500_000_000, validator=validators.ge(0))
    """What must stay free on the disk."""
    delete_oldest: bool = False
    """Delete the oldest complete files where there is no room; else recording stops."""
    tell: Callable[[str], None] = _say_nothing
    """Told at most once why recording stopped; may be called from another thread."""


class RecordingManifest(msgspec.Struct, frozen=True):
    """``recording.json``: ``place`` is the symbol's among those recorded together, from 0."""

    flashcrash_recording: int
    symbol: str
    kind: str
    place: int = 0


@runtime_checkable
class RecordableSource(FeedSource, Protocol):
    """A source of a running market that can keep what it hears."""

    def record_to(self, options: RecordingOptions) -> None:
        """Keep everything that is taken from this source. Called once, before the first event.

        A replay of what was kept decides as this run. Recording never slows the feed or ends a run; when it has to stop, that is
        told through ``options.tell`` and in the source's health. Raises UsageError or StorageError where it cannot even begin.
        """
        ...

    def end_recording(self) -> None:
        """Complete what was taken and keep nothing more, so that :meth:`recording` has its last word. Idempotent.

        Called before a run's report is made; ``close()`` does the same.
        """
        ...

    def recording(self) -> dict[str, object] | None:
        """How the recording is doing: bytes, lines, lines lost, why it stopped; None where nothing is recorded."""
        ...


@runtime_checkable
class ChainedSource(FeedSource, Protocol):
    """A source that may go on where another one ends, so that what it repeats for a reader of its own is left out."""

    def follows(self, before: FeedSource) -> bool:
        """Told that ``before`` was read to its end right before this one.

        True: the first event, which was taken already, says nothing new.
        """
        ...

    @property
    def reading(self) -> Path:
        """The file of the event yielded last."""
        ...


def is_recording(path: Path) -> bool:
    """Whether ``path`` is the folder of one symbol's recording."""
    return (path / RECORDING_NAME).is_file()


def recording_files(path: Path) -> list[Path]:
    """The files of a recording in the order of time; one that is open, or was left open, among them. Raises DataError for none."""
    found = [file for file in path.iterdir() if file.is_file() and file.name != RECORDING_NAME and not file.name.startswith(".")]
    if not found:
        raise DataError(f"{path}: this recording holds no files; nothing was recorded in it yet, or they were deleted")
    return sorted(found, key=lambda file: file.name.removesuffix(OPEN_SUFFIX))


def recording_bytes(path: Path) -> int:
    """Size of all files of a recording."""
    return sum(file.stat().st_size for file in recording_files(path))


def recordings_among(paths: Iterable[Path], symbols: Sequence[str] = ()) -> tuple[Path, ...]:
    """``paths``, with a folder of recordings replaced by the recordings in it: those of ``symbols``, or all, as they were recorded.

    Other paths are left as they are. Raises DataError for a manifest that cannot be read.
    """
    taken: list[Path] = []
    for path in paths:
        known = [(_manifest(one), one) for one in _recordings_in(path)]
        wanted = [pair for pair in known if not symbols or pair[0].symbol in symbols] or known
        taken += [one for _, one in sorted(wanted, key=lambda pair: (pair[0].place, pair[1]))] or [path]
    return tuple(taken)


def _recordings_in(path: Path) -> list[Path]:
    if is_recording(path) or not path.is_dir():
        return []
    try:
        return [one for one in sorted(path.iterdir()) if is_recording(one)]
    except OSError as error:
        raise DataError(f"{path}: cannot be listed: {error.strerror or error}") from None


def _manifest(path: Path) -> RecordingManifest:
    file = path / RECORDING_NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=RecordingManifest)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except msgspec.DecodeError as error:
        raise DataError(f"{file}: damaged ({error}); name the files of {path} one by one instead of the folder") from None
