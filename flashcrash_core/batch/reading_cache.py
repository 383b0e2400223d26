"""Readings kept on disk, so that a further trial with other thresholds, scores or risk limits need not touch the events again.

What is kept depends on the tape's content, the instrument, the grid, what a silence is, and on every formula with its parameters
and the state that it starts from; the name of the folder is a digest of all that. Thresholds are not in it: pairs do not depend on
them. A folder is written aside and renamed, so that it is there whole or not at all; the least recently used ones go when all
together are larger than :data:`MOST_BYTES`.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import msgspec
import numpy as np
from attrs import asdict
from numpy.lib import format as npy

from flashcrash_core._version import __version__
from flashcrash_core.batch.compiling import cache_directory, fingerprint
from flashcrash_core.batch.feature_pass import FeaturePass, PassCheckpoint
from flashcrash_core.batch.lane_columns import LaneColumns, Part, Restart
from flashcrash_core.batch.pass_state import PassState
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.row_chunk import BarColumns
from flashcrash_core.detection.indicator import StepIndicator
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TapeColumns

__all__ = ["MOST_BYTES", "load", "reading_key", "save"]

FEATURE_VERSION: Final = 1
"""Of what a feature row means. Raise it with every change of a row's definition."""
MOST_BYTES: Final = int(float(os.environ.get("FLASHCRASH_CACHE_GB", "8")) * 1e9)
_ROWS: Final = ("t_us", "event", "unhealthy", "price")
_CONTENTS: Final = "contents.msgpack"


def reading_key(columns: TapeColumns, instrument: Instrument, entries: Sequence[PanelEntry], **options: Any) -> str:
    """Digest of all that the readings depend on; "" where it cannot be told: a tape without identity, a formula without code."""
    if not columns.identity:
        return ""
    parts: list[Any] = [FEATURE_VERSION, __version__, GRID_US, columns.identity, sorted(options.items())]
    parts.append((str(instrument.tick_size), str(instrument.lot_size), str(instrument.notional_unit), str(instrument.kind)))
    for entry in entries:
        indicator = entry.indicator
        if not isinstance(indicator, StepIndicator) or not isinstance(indicator.step, FunctionType):
            return ""
        parts.append((entry.name, entry.inactive, len(entry.statistics), len(entry.baselines)))
        parts.append((fingerprint(indicator.step), repr(indicator.params), repr(indicator.state)))
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def load(key: str, columns: TapeColumns, entries: tuple[PanelEntry, ...], events: FeaturePass) -> LaneColumns | None:
    """What was kept under ``key``, its columns mapped from disk; None if there is nothing whole."""
    folder = _home() / key
    try:
        contents = msgspec.msgpack.decode((folder / _CONTENTS).read_bytes())
        rows = {name: _mapped(folder, name) for name in _ROWS}
        bars = BarColumns(*(_mapped(folder, f"bars.{name}") for name in BarColumns._fields))
        bar_rows, bar_us = _mapped(folder, "bars.number"), _mapped(folder, "bars.seen_us")
        pairs = [(_mapped(folder, f"{index}.statistic"), _mapped(folder, f"{index}.baseline")) for index in range(len(entries))]
        os.utime(folder)
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    made = LaneColumns(entries, events, len(columns), length=contents["length"], **rows)
    made.readings = [Readings(entry, *pair) for entry, pair in zip(entries, pairs, strict=True)]
    made.restarts = [Restart(*restart) for restart in contents["restarts"]]
    made.parts = [_part(part) for part in contents["parts"]]
    if len(bar_rows):
        made.bars = [(bars, bar_rows, bar_us)]
    return made


def save(key: str, made: LaneColumns) -> None:
    """Keep the readings under ``key``. What cannot be written is not kept: a cache is never a reason to fail."""
    home = _home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=home))
    except OSError:
        return
    try:
        _write(aside, made)
        if not (home / key).exists():
            aside.rename(home / key)
        _prune(home)
    except OSError:
        pass  # a full disk, or another process was quicker
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(folder: Path, made: LaneColumns) -> None:
    length = made.length
    for name in _ROWS:
        np.save(folder / f"{name}.npy", getattr(made, name)[:length])
    for index, readings in enumerate(made.readings):
        _write_matrix(folder / f"{index}.statistic.npy", readings.statistic, length)
        _write_matrix(folder / f"{index}.baseline.npy", readings.baseline, length)
    tables, numbers, seen_us = zip(*made.bars, strict=True) if made.bars else ((), (), ())
    for place, name in enumerate(BarColumns._fields):
        np.save(folder / f"bars.{name}.npy", np.concatenate([table[place] for table in tables]) if tables else np.empty(0))
    np.save(folder / "bars.number.npy", np.concatenate(numbers) if numbers else np.empty(0, np.int64))
    np.save(folder / "bars.seen_us.npy", np.concatenate(seen_us) if seen_us else np.empty(0, np.int64))
    contents = {
        "length": length,
        "restarts": [list(asdict(restart).values()) for restart in made.restarts],
        "parts": [[part.first_row, part.first_event, _plain(part.checkpoint)] for part in made.parts],
    }
    (folder / _CONTENTS).write_bytes(msgspec.msgpack.encode(contents))


def _write_matrix(path: Path, matrix: Any, length: int) -> None:
    """Only the rows in use, without copying them together first."""
    with path.open("wb") as file:
        header = {"descr": npy.dtype_to_descr(matrix.dtype), "fortran_order": False, "shape": (matrix.shape[0], length)}
        npy.write_array_header_1_0(file, header)
        for row in matrix:
            file.write(memoryview(row[:length]))


def _mapped(folder: Path, name: str) -> Any:
    path = folder / f"{name}.npy"
    try:
        return np.load(path, mmap_mode="r").view(np.ndarray)  # slicing a memmap costs ten times as much
    except ValueError:  # nothing can be mapped of an empty array
        return np.load(path)


def _plain(checkpoint: PassCheckpoint) -> list[Any]:
    return [checkpoint.position, [[part.dtype.str, list(part.shape), part.tobytes()] for part in checkpoint._state]]


def _part(part: list[Any]) -> Part:
    first_row, first_event, (position, arrays) = part
    state = PassState(*(np.frombuffer(data, dtype).reshape(shape) for dtype, shape, data in arrays))
    return Part(first_row, first_event, PassCheckpoint(position, state))


def _home() -> Path:
    return cache_directory() / "readings"


def _prune(home: Path) -> None:
    """Let the least recently used go until the rest fits."""
    kept = sorted(
        (folder for folder in home.iterdir() if not folder.name.startswith(".")), key=lambda folder: folder.stat().st_mtime
    )
    sizes = {folder: sum(file.stat().st_size for file in folder.iterdir()) for folder in kept}
    total = sum(sizes.values())
    for folder in kept:
        if total <= MOST_BYTES:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
