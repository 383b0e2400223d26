"""How a source ends: when it is closed, with nothing left open, and what it says and holds on the way there."""

import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.feed import FeedSource
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.feed.sources import (
    FeedSubject,
    first_events,
    from_recordings,
    offline,
    open_source,
    require,
    sample,
    source_of,
)
from flashcrash_core.testing.checks.feed.waiting import awaited, close, in_time
from flashcrash_core.testing.checks.memory import set_aside, traced

__all__ = ["close_ends_the_events", "leaves_nothing_open", "memory_is_bounded", "progress_is_a_fraction"]

_STOP_AFTER: Final = 20
_AFTER_CLOSE: Final = 3
_END_S: Final = 2.0
"""How long a thread or a connection may take to end after close()."""
_POLL_S: Final = 0.02
_DESCRIPTORS: Final = Path("/dev/fd")
_SMALL_EVENTS: Final = 3_000
"""More than a feed may keep at hand to look ahead or to find out what a file holds."""
_ALLOWANCE_BYTES: Final = 32_768
_BYTES_PER_EVENT: Final = 4


@check("feed", applies=from_recordings)
def close_ends_the_events(subject: FeedSubject) -> None:
    """`close` ends the events, in mid-read and before the first; it may be called twice, and at any time."""
    with sample(subject) as path:
        source = open_source(subject, path)
        events = source.events()
        read = sum(1 for _ in awaited(subject, source, events, _STOP_AFTER))
        require(read == _STOP_AFTER, subject, f"gave {read} events of a sample that should hold hundreds")
        close(subject, source)
        require(_more(subject, events) == 0, subject, f"went on yielding events after close() (closed after {_STOP_AFTER})")
        close(subject, source)

        unread = open_source(subject, path)
        events = unread.events()
        close(subject, unread)
        require(_more(subject, events) == 0, subject, "yields events although it was closed before the first")
        close(subject, unread)

        untouched = open_source(subject, path)
        close(subject, untouched)
        close(subject, untouched)


def _more(subject: FeedSubject, events: Iterator[object]) -> int:
    return in_time(subject, "events(), asked for more after close(),", lambda: sum(1 for _ in islice(events, _AFTER_CLOSE)))


@check("feed", applies=from_recordings)
def leaves_nothing_open(subject: FeedSubject) -> None:
    """However reading ends (at the end, in mid-read, unread, refused), no file, socket or thread is left after `close`."""

    def to_the_end(source: FeedSource) -> None:
        for _ in first_events(subject, source):
            pass

    def in_mid_read(source: FeedSource) -> None:
        held.append(source.events())
        require(len(list(awaited(subject, source, held[-1], 1))) == 1, subject, "gave no event at all")

    def generator_closed(source: FeedSource) -> None:
        in_mid_read(source)
        close = getattr(held[-1], "close", None)
        if close is not None:
            close()

    def unread(source: FeedSource) -> None:
        held.append(source.events())

    held: list[Iterator[Any]] = []  # so that nothing is released only because it is no longer referred to
    with sample(subject) as path:
        _read(subject, path, to_the_end)  # what is opened or started once and for all is not a leak
        for way in (to_the_end, in_mid_read, generator_closed, unread):
            before = _descriptors(), set(threading.enumerate())
            source = _read(subject, path, way)
            _require_released(subject, before, way.__name__)
            held.append(iter((source,)))
        if path is not None and subject.spec.opens is not None:
            foreign = path.parent / "foreign.dat"
            foreign.write_bytes(b"Once upon a time there was a market that fell.\n")
            before = _descriptors(), set(threading.enumerate())
            kept: list[BaseException] = []
            try:
                held.append(iter((_read(subject, foreign, to_the_end),)))
            except Exception as error:  # that it is refused with a DataError is another check's matter
                kept.append(error)
            _require_released(subject, before, "refused")


def _read(subject: FeedSubject, path: Path | None, way: Callable[[FeedSource], None]) -> FeedSource:
    source = open_source(subject, path)
    try:
        way(source)
    finally:
        close(subject, source)
    return source


def _require_released(subject: FeedSubject, before: tuple[set[str], set[threading.Thread]], way: str) -> None:
    files, threads = before
    how = f"after close() ({way.replace('_', ' ')})"
    deadline = time.monotonic() + _END_S
    while True:
        for thread in set(threading.enumerate()) - threads:
            with suppress(RuntimeError):  # it is just being started, and cannot be waited for yet
                thread.join(max(0.0, deadline - time.monotonic()))
        left = [thread.name for thread in set(threading.enumerate()) - threads]
        numbers = _descriptors() - files
        # The far end of a connection may be in this process, and learns of its end a little later.
        if not (left or numbers) or not subject.spec.live or time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    require(not left, subject, f"left the threads {', '.join(left)} running {how}")
    require(not numbers, subject, f"left {', '.join(filter(None, map(_target, sorted(numbers))))} open {how}")


def _descriptors() -> set[str]:
    """Numbers of the open files of this process; empty where the system does not list them."""
    if not _DESCRIPTORS.is_dir():
        return set()
    numbers = os.listdir(_DESCRIPTORS)
    return {number for number in numbers if _target(number)}  # the one that listed them is gone


def _target(number: str) -> str:
    with suppress(OSError):
        return os.readlink(_DESCRIPTORS / number)
    with suppress(OSError):
        os.fstat(int(number))
        return f"descriptor {number}"
    return ""


@check("feed", applies=from_recordings)
def progress_is_a_fraction(subject: FeedSubject) -> None:
    """`progress` is None or a number from 0 to 1 that never falls, before, while and after reading."""
    with sample(subject) as path:
        source = open_source(subject, path)
        try:
            last = _progress(subject, source, 0.0, "before the first event")
            for index, _ in enumerate(first_events(subject, source)):
                if index % 25 == 0:
                    last = _progress(subject, source, last, f"after event {index}")
            last = _progress(subject, source, last, "at the end")
        finally:
            close(subject, source)
        _progress(subject, source, last, "after close()")


def _progress(subject: FeedSubject, source: FeedSource, last: float, when: str) -> float:
    value = source.progress()
    if value is None:
        return last
    require(isinstance(value, int | float) and 0 <= value <= 1, subject, f"progress() is {value!r} {when}; it is a part of 1")
    require(value >= last, subject, f"progress() fell from {last} to {value} {when}")
    return float(value)


@check("feed", applies=offline)
def memory_is_bounded(subject: FeedSubject) -> None:
    """Memory does not grow with the input: reading many more events takes no more of it than reading a few thousand."""
    large_events = _SMALL_EVENTS + subject.effort.memory_rows // 20
    small, large = _peak_bytes(subject, _SMALL_EVENTS), _peak_bytes(subject, large_events)
    grown, allowed = large - small, _ALLOWANCE_BYTES + _BYTES_PER_EVENT * (large_events - _SMALL_EVENTS)
    require(
        grown <= allowed,
        subject,
        f"reading {large_events} events takes {grown} bytes more than reading {_SMALL_EVENTS} ({allowed} are allowed); "
        "read as you go, and keep no event",
    )


def _peak_bytes(subject: FeedSubject, events: int) -> int:
    """Most memory allocated at once while so many events are read, the caches of the instruments being warm."""
    instruments = InstrumentBook()

    def read() -> None:
        with source_of(subject, path, next_seq=count(1).__next__, instruments=instruments) as source:
            for _ in first_events(subject, source, events):
                pass

    with sample(subject, events=events) as path:
        if path is not None:
            read()
        with set_aside(), traced() as used:
            before = used()
            tracemalloc.reset_peak()
            read()
            return tracemalloc.get_traced_memory()[1] - before
