"""The files of a tape's columns: ``<table>.<column>.npy``, written a piece at a time, with a hash of the data on the way."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from flashcrash_core.errors import DataError
from flashcrash_core.market.tape.columns import TABLES

__all__ = ["HASH_CHUNK_BYTES", "ColumnFiles", "column_path", "stored_dtype"]

HASH_CHUNK_BYTES: Final = 1 << 20


def column_path(folder: Path, table: str, column: str) -> Path:
    """Where a column lies."""
    return folder / f"{table}.{column}.npy"


def stored_dtype(table: str, column: str) -> np.dtype[Any]:
    """The dtype in the file: little-endian on every machine."""
    return np.dtype(TABLES[table][column]).newbyteorder("<")


class ColumnFiles:
    """Writes the columns of one tape into ``folder``. Files are open only while a piece is written: tapes may be many."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = dict.fromkeys(TABLES, 0)
        self._hashes = {(table, column): hashlib.sha256() for table, columns in TABLES.items() for column in columns}
        for table, column in self._hashes:
            with column_path(folder, table, column).open("wb") as file:
                _write_header(file, stored_dtype(table, column), 0)

    def append(self, parts: Iterable[tuple[str, str, NDArray[np.integer[Any]]]]) -> None:
        """Add rows: every column of a table by as many."""
        for table, column, values in parts:
            if not len(values):
                continue
            data = values.astype(stored_dtype(table, column), copy=False).tobytes()
            self._hashes[table, column].update(data)
            with column_path(self.folder, table, column).open("ab") as file:
                file.write(data)
            if column == next(iter(TABLES[table])):
                self.rows[table] += len(values)

    def finish(self) -> dict[str, str]:
        """Put the number of rows into the headers; returns the hash of each column's data."""
        for table, column in self._hashes:
            path = column_path(self.folder, table, column)
            with path.open("r+b") as file:
                # numpy leaves room in a header for any number of rows, so that it can be written again in place.
                length = _write_header(file, stored_dtype(table, column), self.rows[table])
                expected = length + self.rows[table] * stored_dtype(table, column).itemsize
            if path.stat().st_size != expected:
                raise DataError(f"{path}: has {path.stat().st_size} bytes instead of {expected}; is something else writing there?")
        return {f"{table}.{column}": digest.hexdigest() for (table, column), digest in self._hashes.items()}


def _write_header(file: Any, dtype: np.dtype[Any], rows: int) -> int:
    file.seek(0)
    npy.write_array_header_1_0(file, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows,)})
    return int(file.tell())
