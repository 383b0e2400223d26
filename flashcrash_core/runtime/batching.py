"""From a composed run to one over columns, or a reason why the streaming engine has to do it."""

from collections.abc import Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any, Final

from flashcrash_core.batch.feature_pass import FeaturePass
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.batch.lane_parts import EventPass
from flashcrash_core.batch.numba_found import TRIED, is_installed, missing_options, why_unusable
from flashcrash_core.batch.reading_cache import KeptJudgements, abandon, begin, load, reading_key, save
from flashcrash_core.batch.reading_writer import ReadingWriter
from flashcrash_core.batch.readings import BatchRefused
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.errors import DataError
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.tape.columns import TapeColumns
from flashcrash_core.market.tape.reader import forget_pages
from flashcrash_core.runtime.batch_runner import Strand
from flashcrash_core.runtime.composition import Composition
from flashcrash_core.runtime.lane import Lane, LaneSetup
from flashcrash_core.runtime.lane_cursor import LaneCursor
from flashcrash_core.runtime.runner import RunOptions

__all__ = ["BatchRefused", "MakePass", "finish_writing", "refuse_options", "strands_of"]

MakePass = Callable[..., EventPass]
_being_written: Final[dict[str, Thread]] = {}
"""By key, in this process: the next trial waits for what the last one is still writing."""

Progress = Callable[[float | None, int], None]


def refuse_options(composition: Composition, options: RunOptions, *, resuming: bool) -> None:
    """Raise BatchRefused for a run that needs every event or real time."""
    if not is_installed():  # whether it can be used is asked when there are columns: importing it takes a second
        raise BatchRefused(why_unusable())
    if resuming:
        raise BatchRefused("a resumed session repeats what is stored, event by event")
    if options.speed is not None or options.plugin_budget_ns:
        raise BatchRefused("plugins are held to real time")
    if options.duration_us is not None:
        raise BatchRefused("--duration ends a run at an event")
    if options.quarantine:
        raise BatchRefused("--quarantine is given")
    if composition.executor is not None and not composition.idle_blind:
        raise BatchRefused("the executor wants to see the market while it has no order")


def strands_of(
    composition: Composition,
    columns: Mapping[str, TapeColumns],
    on_progress: Progress | None = None,
    make_pass: MakePass | None = None,
    *,
    cache: bool = False,
) -> dict[str, Strand]:
    """Sense every symbol's columns. Raises BatchRefused where a plugin would have to be contained, or numba cannot be used."""
    if why := why_unusable():
        raise BatchRefused(why)
    if missing := missing_options():
        composition.warnings.append(
            f"engine: batch, slower than it could be: this numba does not know {', '.join(sorted(missing))}; "
            f"tried were versions {TRIED[0]} to {TRIED[1]}"
        )
    total = sum(len(one) for one in columns.values())
    done = 0
    strands = {}
    for symbol, lane in composition.session.lanes.items():
        one = columns[symbol]

        def tell(position: int, done: int = done) -> None:
            if on_progress is not None:
                on_progress((done + position) / max(total, 1), done + position)

        try:
            sensed = sensed_lane(lane, one, tell, make_pass, cache=cache)
        except DataError as error:  # numbers beyond 64 bits, or tables that do not fit: the streaming engine takes or names it
            raise BatchRefused(str(error)) from error
        strands[symbol] = Strand(one, LaneCursor(lane, sensed, one.tables["events"]["exchange_us"]))
        done += len(one)
    return strands


def sensed_lane(
    lane: Lane,
    columns: TapeColumns,
    on_progress: Callable[[int], None] | None = None,
    make_pass: MakePass | None = None,
    *,
    cache: bool = False,
) -> LaneColumns:
    """Features, readings and flags of one symbol; with ``cache`` readings of an earlier run are taken, or kept for a later one."""
    setup = lane.setup
    options: dict[str, Any] = {
        "has_book": setup.has_book,
        "source_is_mid": setup.source_is_mid,
        "max_silence_us": setup.max_silence_us,
    }
    events = (make_pass or FeaturePass)(columns, setup.instrument, **options)
    entries = _built_again(setup)
    key = reading_key(columns, setup.instrument, entries, **options) if cache and isinstance(events, FeaturePass) else ""
    if (writing := _being_written.pop(key, None)) is not None:
        writing.join()
    sensed = load(key, columns, entries, events) if key and isinstance(events, FeaturePass) else None
    if sensed is None:
        sensed = LaneColumns(entries, events, len(columns))
        rows = expected_rows(columns)
        writer = begin(entries, rows) if key else None
        try:
            sensed.sense(partial(_built_again, setup), rows, on_progress, writer.add if writer is not None else None)
        except BaseException:
            if writer is not None:
                abandon(writer)
            raise
        forget_pages(columns)
        if writer is not None:
            _keep_beside(key, sensed, writer)
    else:
        sensed.judge(KeptJudgements(key, sensed.length))
    return sensed


def _built_again(setup: LaneSetup) -> tuple[PanelEntry, ...]:
    """Fresh programs. Raises BatchRefused for one that cannot be built again: the streaming engine contains that at its time."""
    entries = setup.entries()
    for entry in entries:
        if entry.failed:
            raise BatchRefused(entry.failed)
    return entries


def finish_writing() -> None:
    """Wait for readings that are still being written."""
    while _being_written:
        _being_written.popitem()[1].join()


def _keep_beside(key: str, sensed: LaneColumns, writer: ReadingWriter) -> None:
    """Write what is left to write while the run goes on: it does not change any more."""
    finish_writing()
    _being_written[key] = finishing = Thread(target=save, args=(key, sensed, writer), name="readings")
    finishing.start()


def expected_rows(columns: TapeColumns) -> int:
    """About as many rows as the events span by their arrival; more is made room for when they are more."""
    stamps = columns.tables["events"]["receive_us"]
    span_us = int(stamps[-1]) - int(stamps[0]) if len(stamps) else 0
    return min(max(span_us, 0) // GRID_US + 100, 100_000_000)
