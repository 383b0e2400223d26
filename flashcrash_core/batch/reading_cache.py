"""Readings kept on disk, so that a further trial with other thresholds, scores or risk limits need not touch the events again.

What is kept depends on the tape (its hash, and that no column was changed since), the instrument, the grid, what a silence is, and
on every formula with its parameters and the state that it starts from; the name of the folder is a digest of all that. Thresholds
are not in it: pairs do not depend on them.

A folder is written aside, sealed (:mod:`.cache_seal`) and renamed, so that it is there whole or not at all, and what is torn or
altered later is noticed and made again. It leaves in the same way: renamed first. So processes need no lock among each other. The
least recently used ones go when all together are larger than :data:`MOST_BYTES`.
"""

import hashlib
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import msgspec
import numpy as np
from attrs import asdict

from flashcrash_core._version import __version__
from flashcrash_core.batch import event_pass
from flashcrash_core.batch.cache_seal import SUFFIX, WRITING, is_sound, seal, write_whole
from flashcrash_core.batch.compiling import Opaque, cache_directory, fingerprint
from flashcrash_core.batch.feature_pass import FeaturePass, PassCheckpoint
from flashcrash_core.batch.flags import follow
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.batch.lane_parts import Part, Restart
from flashcrash_core.batch.pass_state import PassState
from flashcrash_core.batch.reading_writer import ReadingWriter
from flashcrash_core.batch.readings import Readings, drive
from flashcrash_core.batch.row_chunk import BarColumns
from flashcrash_core.detection.indicator import StepIndicator
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.errors import UsageError
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TapeColumns

__all__ = ["MOST_BYTES", "KeptJudgements", "abandon", "begin", "load", "reading_key", "save"]

MOST_BYTES: Final = 8_000_000_000
"""Of all readings together, unless ``FLASHCRASH_CACHE_GB`` says otherwise."""
_OLD_S: Final = 86_400
MOST_JUDGED: Final = 64
"""Judgements kept beside one tape's readings."""
_JUDGED: Final = "judged-"
_ROWS: Final = ("t_us", "event", "unhealthy", "price")
_CONTENTS: Final = "contents.msgpack"
_SEAL: Final = "readings"
"""Of all files but judgements, which come and go one by one and have seals of their own."""


def reading_key(columns: TapeColumns, instrument: Instrument, entries: Sequence[PanelEntry], **options: Any) -> str:
    """Digest of all that the readings depend on; "" where it cannot be told: a tape without identity, a formula without code."""
    most_bytes()  # a wrong setting is told before anything is done
    if not columns.identity:
        return ""
    parts: list[Any] = [__version__, GRID_US, columns.identity, sorted(options.items())]
    parts += [fingerprint(event_pass.run_events), fingerprint(drive)]  # type: ignore[arg-type]
    parts.append((str(instrument.tick_size), str(instrument.lot_size), str(instrument.notional_unit), str(instrument.kind)))
    for entry in entries:
        indicator = entry.indicator
        if entry.failed or not isinstance(indicator, StepIndicator) or not isinstance(indicator.step, FunctionType):
            return ""
        parts.append((entry.name, entry.inactive, len(entry.statistics), len(entry.baselines)))
        try:
            parts.append((fingerprint(indicator.step), repr(indicator.params), repr(indicator.state)))
        except Opaque:
            return ""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def load(key: str, columns: TapeColumns, entries: tuple[PanelEntry, ...], events: FeaturePass) -> LaneColumns | None:
    """What was kept under ``key``, its columns mapped from disk; None if there is nothing whole."""
    folder = _home() / key
    if not is_sound(folder, _SEAL):
        return None
    try:
        contents = msgspec.msgpack.decode((folder / _CONTENTS).read_bytes())
        shapes = contents["arrays"]
        rows = {name: _mapped(folder, name, *shapes[name]) for name in _ROWS}
        bars = BarColumns(*(_mapped(folder, f"bars.{name}", *shapes[f"bars.{name}"]) for name in BarColumns._fields))
        seen = tuple(_mapped(folder, name, *shapes[name]) for name in ("bars.number", "bars.seen_us"))
        # All is mapped at once: another process may remove the folder, but not what is mapped.
        pairs = [_pair(folder, shapes, index) for index in range(len(entries))]
    except (OSError, ValueError, KeyError, msgspec.DecodeError):
        return None
    with suppress(OSError):  # readings that may only be read are as good
        os.utime(folder)
    made = LaneColumns(entries, events, len(columns), length=contents["length"], **rows)
    made.readings = [Readings(entry, *pair) for entry, pair in zip(entries, pairs, strict=True)]
    made.restarts = [Restart(*restart) for restart in contents["restarts"]]
    made.parts = [_part(part) for part in contents["parts"]]
    if len(seen[0]):
        made.bars.add(bars, *seen)
    return made


def begin(entries: tuple[PanelEntry, ...], rows: int) -> ReadingWriter | None:
    """Begin to keep readings of at most so many rows. What cannot be written is not kept: a cache is never a reason to fail."""
    home = _home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=WRITING, dir=home))
    except OSError:
        return None
    sources = {entry.name: entry for entry in entries}
    judged = [_judgement_name(entry, sources.get(entry.baseline_from or entry.name, entry)) for entry in entries]
    return ReadingWriter(aside, rows, judged)


def abandon(writer: ReadingWriter) -> None:
    """Keep nothing."""
    writer.close()
    shutil.rmtree(writer.folder, ignore_errors=True)


def save(key: str, made: LaneColumns, writer: ReadingWriter) -> None:
    """Keep under ``key`` what was written, with all else that belongs to it."""
    home = _home()
    try:
        writer.finish(made.length)
        if writer.failed or not made.length:
            return
        _write(writer, made)
        _seal_all(writer.folder)
        _move(writer.folder, home / key)
        _prune(home)
    except Exception:
        return  # a full disk, or another process was quicker: what is not kept is made again
    finally:
        abandon(writer)


class KeptJudgements:
    """What earlier trials judged with the same levels, beside the readings: then not even the pairs are read."""

    def __init__(self, key: str, rows: int) -> None:
        self._folder = _home() / key
        self._rows = rows

    def judged(self, entry: PanelEntry, source: PanelEntry) -> tuple[Any, Any] | None:
        """Values and bits, mapped so that what is written over them stays with the run."""
        name = _judgement_name(entry, source)
        if not name or not is_sound(self._folder, name):
            return None
        try:
            values = _mapped(self._folder, f"{name}.values", "<f8", [self._rows])
            return values, _mapped(self._folder, f"{name}.bits", "u1", [self._rows])
        except (OSError, ValueError):
            return None

    def keep(self, entry: PanelEntry, source: PanelEntry, values: Any, bits: Any) -> None:
        """Write them beside the readings, if those are there."""
        name = _judgement_name(entry, source)
        if not name or not self._folder.exists():
            return
        try:
            for what, column in (("bits", bits), ("values", values)):
                write_whole(self._folder / f"{name}.{what}", np.ascontiguousarray(column).data)
            seal(self._folder, name, _files_of(name))
            self._prune()
        except OSError:
            return

    def _prune(self) -> None:
        kept = sorted(self._folder.glob(f"{_JUDGED}*.values"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MOST_JUDGED]:
            for file in (path.with_suffix(SUFFIX), path, path.with_suffix(".bits")):
                file.unlink(missing_ok=True)


def _judgement_name(entry: PanelEntry, source: PanelEntry) -> str:
    indicator = entry.indicator
    if not isinstance(indicator.judge, FunctionType):
        return ""
    parts = (entry.name, source.name, entry.inactive, repr(indicator.levels), indicator.persist_us, indicator.latch_us)
    try:
        code = fingerprint(indicator.judge), fingerprint(follow)  # type: ignore[arg-type]
    except Opaque:
        return ""
    digest = hashlib.blake2b(repr((code, parts)).encode(), digest_size=12)
    return f"{_JUDGED}{digest.hexdigest()}"


def _files_of(judgement: str) -> tuple[str, str]:
    return f"{judgement}.values", f"{judgement}.bits"


def _write(writer: ReadingWriter, made: LaneColumns) -> None:
    arrays: dict[str, Any] = {name: [getattr(made, name)[: made.length]] for name in _ROWS}
    tables = [table for table, _, _ in made.bars.tables]
    for place, name in enumerate(BarColumns._fields):
        arrays[f"bars.{name}"] = [table[place] for table in tables]
    arrays["bars.number"] = [number for _, number, _ in made.bars.tables]
    arrays["bars.seen_us"] = [seen_us for _, _, seen_us in made.bars.tables]
    shapes = dict(writer.shapes)
    for name, parts in arrays.items():
        with (writer.folder / name).open("wb") as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
        shapes[name] = [parts[0].dtype.str if parts else "<i8", [sum(len(part) for part in parts)]]
    contents = {
        "length": made.length,
        "arrays": shapes,
        "restarts": [list(asdict(restart).values()) for restart in made.restarts],
        "parts": [[part.first_row, part.first_event, _plain(part.checkpoint)] for part in made.parts],
    }
    (writer.folder / _CONTENTS).write_bytes(msgspec.msgpack.encode(contents))


def _seal_all(folder: Path) -> None:
    files = {file.name for file in folder.iterdir()}
    judged = {file.removesuffix(".values") for file in files if file.startswith(_JUDGED) and file.endswith(".values")}
    for name in judged:
        seal(folder, name, _files_of(name))
        files.difference_update(_files_of(name))
    seal(folder, _SEAL, files)


def _move(made: Path, place: Path) -> None:
    """To its place, if no sound one is there: another process may have been quicker."""
    if place.exists():
        if is_sound(place, _SEAL):
            return
        _remove(place)
    made.rename(place)


def _remove(folder: Path) -> None:
    """Take it from its place in one step, and then apart: what is there must be whole also for who looks meanwhile."""
    aside = Path(tempfile.mkdtemp(prefix=WRITING, dir=folder.parent))
    try:
        folder.rename(aside)
    except FileNotFoundError:  # another process was quicker
        pass
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _mapped(folder: Path, name: str, dtype: str, shape: Sequence[int]) -> Any:
    """A file of nothing but numbers; what is written over it stays here. Raises ValueError for one of another size.

    Writable, because compiled code knows read-only arrays as another type, and would be compiled again for them.
    """
    if 0 in shape:
        return np.empty(tuple(shape), dtype)
    with (folder / name).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return np.frombuffer(mapped, dtype).reshape(tuple(shape))


def _pair(folder: Path, shapes: dict[str, Any], index: int) -> tuple[Any, Any]:
    statistic, baseline = (f"{index}.{what}" for what in ("statistic", "baseline"))
    return _mapped(folder, statistic, *shapes[statistic]), _mapped(folder, baseline, *shapes[baseline])


def _plain(checkpoint: PassCheckpoint) -> list[Any]:
    return [checkpoint.position, [[part.dtype.str, list(part.shape), part.tobytes()] for part in checkpoint._state]]


def _part(part: list[Any]) -> Part:
    first_row, first_event, (position, arrays) = part
    state = PassState(*(np.frombuffer(data, dtype).reshape(shape) for dtype, shape, data in arrays))
    return Part(first_row, first_event, PassCheckpoint(position, state))


def most_bytes() -> int:
    """The bound. Raises UsageError for a setting that is no number."""
    told = os.environ.get("FLASHCRASH_CACHE_GB")
    if told is None:
        return MOST_BYTES
    try:
        return int(float(told) * 1e9)
    except ValueError:
        raise UsageError(f"FLASHCRASH_CACHE_GB={told}: must be a number of gigabytes, as in FLASHCRASH_CACHE_GB=8") from None


def _home() -> Path:
    return cache_directory() / "readings"


def _prune(home: Path) -> None:
    """Let the least recently used go until the rest fits, and what killed processes left. Others may do the same meanwhile."""
    for left in home.glob(f"{WRITING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD_S:
                shutil.rmtree(left, ignore_errors=True)
    kept = []
    for folder in home.iterdir():
        with suppress(OSError):
            if not folder.name.startswith("."):
                size = sum(file.stat().st_blocks * 512 for file in folder.iterdir())  # files have holes
                kept.append((folder.stat().st_mtime, size, folder))
    kept.sort()
    total = sum(size for _, size, _ in kept)
    for _, size, folder in kept[:-1]:
        if total <= most_bytes():
            break
        _remove(folder)
        total -= size
