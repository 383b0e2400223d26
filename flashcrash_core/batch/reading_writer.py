"""Readings on their way to disk, chunk by chunk as they are made, so that nobody holds a day of them."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, field

from flashcrash_core.batch.programs import Programs

__all__ = ["ReadingWriter"]


@define(eq=False)
class ReadingWriter:
    """Writes into a folder of its own. ``room`` rows fit; what was not written takes no room on disk.

    What cannot be written is not kept: after the first error ``failed`` is set, and nothing more is written.
    """

    folder: Path
    room: int
    judged: Sequence[str]
    """By indicator: the name of the file for what was judged of it, "" if that is not kept."""
    failed: bool = False
    shapes: dict[str, list[Any]] = field(factory=dict)
    """By file: type, and length of each dimension."""
    _files: dict[str, int] = field(factory=dict)

    def add(self, programs: Programs) -> None:
        """Keep the readings that stand there, and what was judged of them."""
        if self.failed:
            return
        number = programs.stop - programs.first
        try:
            if programs.stop > self.room:
                raise OSError("there are more rows than was thought")
            for index, readings in enumerate(programs.readings):
                for what, matrix in (("statistic", readings.statistic), ("baseline", readings.baseline)):
                    self._put(f"{index}.{what}", matrix[:, :number], programs.first)
                if name := self.judged[index]:
                    self._put(f"{name}.values", programs.values[index][:number], programs.first)
                    self._put(f"{name}.bits", programs.bits[index][:number], programs.first)
        except OSError:
            self.failed = True

    def finish(self, rows: int) -> None:
        """Close the files. What was judged has as many rows as there are."""
        try:
            for name, file in self._files.items():
                dtype, shape = self.shapes[name]
                if len(shape) == 1:
                    shape[0] = rows
                os.ftruncate(file, np.dtype(dtype).itemsize * int(np.prod(shape)))
        except OSError:
            self.failed = True
        finally:
            self.close()

    def close(self) -> None:
        """Close the files."""
        while self._files:
            _, file = self._files.popitem()
            with suppress(OSError):
                os.close(file)

    def _put(self, name: str, columns: Any, first: int) -> None:
        if name not in self.shapes:
            self.shapes[name] = [columns.dtype.str, [*columns.shape[:-1], self.room]]
            if columns.size:
                self._files[name] = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        if columns.size:
            size = columns.dtype.itemsize
            for place, column in enumerate(columns if columns.ndim > 1 else (columns,)):
                _write_all(self._files[name], column.data.cast("B"), (place * self.room + first) * size)


def _write_all(file: int, data: memoryview, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
