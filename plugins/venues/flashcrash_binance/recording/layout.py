"""Where a recording lies: one folder per symbol, one file per period of receive time, names that sort by time.

``DIR/BTCUSDT/BTCUSDT_20251010T210000Z.jsonl.gz``; of USD-M futures ``DIR/BTCUSDT.usdm/``. The time is that of the file's first
line. A file that is being written ends in ``.part``.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from flashcrash_core.api import OPEN_SUFFIX, RECORDING_NAME, Instrument, MarketKind, RecordingManifest

__all__ = ["all_files", "complete_files", "folder_of", "free_path", "open_files", "period_end_us", "sync_folder", "write_manifest"]

_SUFFIX: Final = ".jsonl.gz"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def folder_of(root: Path, instrument: Instrument) -> Path:
    """The folder of one symbol's recording."""
    return root / (f"{instrument.symbol}.usdm" if instrument.kind is MarketKind.USDM else instrument.symbol)


def free_path(folder: Path, symbol: str, first_us: int) -> Path:
    """A name for the file whose first line was received at ``first_us``, that no file has, open or complete."""
    at = _EPOCH + timedelta(seconds=first_us // 1_000_000)
    while True:
        path = folder / f"{symbol}_{at:%Y%m%dT%H%M%SZ}{_SUFFIX}"
        if not path.exists() and not open_name(path).exists():
            return path
        at += timedelta(seconds=1)  # another recorder began a file in this very second: a name that still sorts after it


def open_name(path: Path) -> Path:
    """The name that a file has while it is written."""
    return path.with_name(path.name + OPEN_SUFFIX)


def period_end_us(receive_us: int, rotate_us: int) -> int:
    """Where the file of a line ends: at the next whole multiple of the period, UTC."""
    return (receive_us // rotate_us + 1) * rotate_us


def all_files(root: Path) -> Iterator[Path]:
    """Every file of every recording below ``root``, open ones among them."""
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if (folder / RECORDING_NAME).is_file():
            yield from (file for file in sorted(folder.iterdir()) if _SUFFIX in file.name and not file.name.startswith("."))


def complete_files(root: Path) -> list[Path]:
    """The complete files below ``root``, the oldest first whatever their symbol."""
    found = [file for file in all_files(root) if file.name.endswith(_SUFFIX)]
    return sorted(found, key=lambda file: (file.name.removesuffix(_SUFFIX).rpartition("_")[2], file))


def open_files(root: Path) -> list[Path]:
    """The files below ``root`` that are not complete."""
    return [file for file in all_files(root) if file.name.endswith(_SUFFIX + OPEN_SUFFIX)]


def write_manifest(folder: Path, instrument: Instrument, place: int) -> None:
    """Make the folder and its ``recording.json``. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = RecordingManifest(1, instrument.symbol, str(instrument.kind), place)
    fresh = folder / f".{RECORDING_NAME}.new"
    fresh.write_bytes(msgspec.json.encode(manifest) + b"\n")
    fresh.replace(folder / RECORDING_NAME)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
