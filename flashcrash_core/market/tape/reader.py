"""Opening a tape: its manifest and its columns as memory maps. What can be told without reading the data is checked here."""

import hashlib
import mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.lib import format as npy
from numpy.typing import NDArray

from flashcrash_core.errors import DataError
from flashcrash_core.market.tape.column_files import column_path, stored_dtype
from flashcrash_core.market.tape.columns import TABLES, TapeColumns
from flashcrash_core.market.tape.manifest import MANIFEST_NAME, TapeManifest, read_manifest

__all__ = ["Tape", "forget_column", "forget_pages", "is_tape", "open_tape", "tape_folder"]

_AGAIN: Final = "import the source files again"


@frozen(eq=False)
class Tape:
    """An opened tape. The columns are mapped from the files and read as they are used."""

    path: Path
    """Its folder."""
    manifest: TapeManifest
    columns: TapeColumns


def tape_folder(path: Path) -> Path:
    """The folder of a tape that is named by it or by its ``tape.json``."""
    return path.parent if path.name == MANIFEST_NAME else path


def is_tape(path: Path) -> bool:
    """Whether ``path`` is the folder of a tape, or its ``tape.json``."""
    return (tape_folder(path) / MANIFEST_NAME).is_file()


def open_tape(path: Path) -> Tape:
    """Open the tape in folder ``path``. Raises DataError naming the file and what to do."""
    folder = tape_folder(path)
    if not folder.exists():
        raise DataError(f"{folder}: no such tape; check the path (relative paths start at {Path.cwd()})")
    manifest = read_manifest(folder)
    tables = {
        table: {column: _column(folder, table, column, manifest.rows[table]) for column in columns}
        for table, columns in TABLES.items()
    }
    if problem := _disagreement(manifest):
        raise DataError(f"{folder / MANIFEST_NAME}: {problem}; {_AGAIN}")
    identity = f"{manifest.hash} {_stamp(folder)}"
    return Tape(folder, manifest, TapeColumns(manifest.symbol, tables, tuple(manifest.texts), manifest.continuity, identity))


def forget_pages(columns: TapeColumns) -> None:
    """Give back the memory of what was read of mapped columns; they are read from disk again when they are looked at."""
    for table in columns.tables.values():
        for column in table.values():
            forget_column(column)


def forget_column(column: NDArray[Any]) -> None:
    """:func:`forget_pages` of one of them."""
    mapped = getattr(column, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _stamp(folder: Path) -> str:
    """Digest of length and time of the last change of every column: one that was changed in place is not what the hash says.

    Only ``flashcrash tape verify`` reckons the hash again; this is what every run can afford.
    """
    stamps = []
    for table, columns in TABLES.items():
        for column in columns:
            status = column_path(folder, table, column).stat()
            stamps.append((table, column, status.st_size, status.st_mtime_ns))
    return hashlib.blake2b(repr(stamps).encode(), digest_size=16).hexdigest()


def _disagreement(manifest: TapeManifest) -> str:
    rows = manifest.rows
    if sum(rows[table] for table in ("trades", "quotes", "books", "notes")) > rows["events"]:
        return f"its tables hold more rows than it has events ({rows['events']})"
    return ""


def _column(folder: Path, table: str, column: str, rows: int) -> NDArray[Any]:
    path, dtype = column_path(folder, table, column), stored_dtype(table, column)
    try:
        with path.open("rb") as file:
            version = npy.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"is an .npy file of version {version}")
            shape, fortran, found = npy.read_array_header_1_0(file)
            offset = file.tell()
        if fortran or len(shape) != 1 or found != dtype:
            raise ValueError(f"holds {found} of shape {shape}")
        if shape[0] != rows:
            raise ValueError(f"holds {shape[0]} rows, the manifest says {rows}")
        size = path.stat().st_size
        if size != offset + rows * dtype.itemsize:
            raise ValueError(f"has {size} bytes, {rows} rows need {offset + rows * dtype.itemsize}")
    except FileNotFoundError:
        raise DataError(f"{path}: is missing from the tape; {_AGAIN}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}; the tape is damaged or incomplete, {_AGAIN}") from None
    if not rows:  # nothing to map
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r", offset=offset, shape=(rows,))
