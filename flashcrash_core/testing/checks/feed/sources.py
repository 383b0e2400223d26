"""Opening the feed under test: example files in folders of their own, numbers that tell who counted, sources closed for sure."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.errors import DataError
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.feed import FeedRequest, FeedSource, InstrumentResolver
from flashcrash_core.specs import FeedSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.feed.waiting import LIVE_EVENTS, awaited, close, in_time
from flashcrash_core.testing.subject import Subject

__all__ = [
    "EVENTS",
    "SEED",
    "FeedSubject",
    "Numbers",
    "events_of",
    "first_events",
    "from_recordings",
    "needs",
    "offline",
    "open_source",
    "reads_files",
    "require",
    "sample",
    "shown",
    "source_of",
    "told_by_data_error",
]

FeedSubject = Subject[FeedSpec]

EVENTS: Final = 600
"""Events that most checks read: a sample of about so many, or the first of a feed that needs no file."""
SEED: Final = 1
"""Seed of every request: a feed that draws numbers must draw them from it."""


class Numbers:
    """Arrival numbers that start high and leave holes, so that a feed that counts by itself is seen."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self._last = 1000

    def __call__(self) -> int:
        self._last += 1 + len(self._given) % 3
        self._given.add(self._last)
        return self._last

    def __contains__(self, number: object) -> bool:
        return number in self._given


# -- what a check applies to ---------------------------------------------------------------------------------------------


def from_recordings(subject: FeedSubject) -> str:
    """``applies`` of checks that read events, whatever they come from."""
    if subject.spec.live and subject.local_endpoint is None:
        return "live: is connected to nothing unless local_endpoint of the contract class points it at an exchange on this machine"
    if subject.spec.opens is not None and "whole" not in subject.spec.samples:
        return 'reads files but offers no sample: give FeedSpec.samples a writer for "whole"'
    return ""


def offline(subject: FeedSubject) -> str:
    """``applies`` of checks that read events and need them to be the same each time."""
    if subject.spec.live:
        return "live: its events are another market's each time, and time passes while it waits"
    return from_recordings(subject)


def reads_files(subject: FeedSubject) -> str:
    """``applies`` of checks of what a file feed owes for any file."""
    return "" if subject.spec.opens is not None else "reads no files"


def needs(key: str) -> Callable[[FeedSubject], str]:
    """``applies`` of checks that need the sample ``key``."""

    def applies(subject: FeedSubject) -> str:
        if reason := reads_files(subject):
            return reason
        return "" if key in subject.spec.samples else f'offers no sample "{key}": give FeedSpec.samples a writer for it'

    return applies


# -- opening -------------------------------------------------------------------------------------------------------------


@contextmanager
def sample(subject: FeedSubject, key: str = "whole", events: int = EVENTS) -> Iterator[Path | None]:
    """The path of a fresh example file (or folder, of a feed that reads those) in a folder that goes when the block ends.

    None for a feed that reads no file.
    """
    if subject.spec.opens is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="flashcrash-feed-") as folder:
        path = subject.spec.samples[key](Path(folder), events)
        if not isinstance(path, Path) or not path.exists():
            raise CheckFailure(
                f'{subject.label}: the writer of the sample "{key}" gave {path!r}, which is no file or folder it has written'
            )
        yield path


def open_source(
    subject: FeedSubject,
    path: Path | None,
    symbols: tuple[str, ...] = (),
    *,
    next_seq: Callable[[], int] | None = None,
    instruments: InstrumentResolver | None = None,
) -> FeedSource:
    """A source from a freshly built feed, asked for ``symbols`` (all when empty). The caller closes it."""
    feed = subject.spec.build(subject.config)
    request = FeedRequest(instruments or InstrumentBook(), next_seq or Numbers(), path, symbols, SEED)
    return in_time(subject, "open(request)", lambda: feed.open(request))


@contextmanager
def source_of(subject: FeedSubject, path: Path | None, symbols: tuple[str, ...] = (), **options: Any) -> Iterator[FeedSource]:
    """:func:`open_source` for the length of a block."""
    source = open_source(subject, path, symbols, **options)
    try:
        yield source
    finally:
        close(subject, source)


def first_events(subject: FeedSubject, source: FeedSource, count: int = EVENTS) -> Iterator[MarketEvent]:
    """All events of a file; the first ``count`` of a feed without one, which may go on for ever; fewer where time passes."""
    events = source.events()
    if subject.spec.opens is not None:
        return events
    return awaited(subject, source, events, min(count, LIVE_EVENTS) if subject.spec.live else count)


def events_of(subject: FeedSubject, path: Path | None, symbols: tuple[str, ...] = ()) -> list[MarketEvent]:
    """The events of a source that is opened and closed for it."""
    with source_of(subject, path, symbols) as source:
        return list(first_events(subject, source))


# -- saying what is wrong ------------------------------------------------------------------------------------------------


def require(kept: bool, subject: FeedSubject, what: str) -> None:
    """Raise CheckFailure with the subject's label and ``what`` unless the rule is kept."""
    if not kept:
        raise CheckFailure(f"{subject.label}: {what}")


def shown(event: object, index: int) -> str:
    """``event 17 (Trade(...))``, shortened."""
    text = repr(event)
    return f"event {index} ({text[:160] + '...' if len(text) > 160 else text})"


def told_by_data_error(subject: FeedSubject, path: Path, what: str) -> str:
    """Read ``path`` to its end and give the message of the DataError that tells of it.

    Raises CheckFailure when nothing or anything else is raised, and when the message does not name the file.
    """
    try:
        read = _count(events_of(subject, path))
    except DataError as error:
        message = str(error)
    except Exception as error:
        raise CheckFailure(
            f"{subject.label}: {what} raised {type(error).__name__}: {error}; raise DataError naming the file and what to do"
        ) from error
    else:
        raise CheckFailure(f"{subject.label}: {what} was read without a word ({read} events); raise DataError naming the file")
    require(path.name in message, subject, f"{what}: the DataError does not name the file {path.name}: {message}")
    return message


def _count(events: Iterable[MarketEvent]) -> int:
    return sum(1 for _ in events)
