"""Files that are not whole: what is lost is told, what cannot be read is refused by name, and nothing vanishes."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from flashcrash_core.errors import DataError
from flashcrash_core.market.book_sync import BookSync
from flashcrash_core.market.events import BookDelta, BookSnapshot, FeedGap, MarketEvent, Rejected
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.feed.sources import (
    FeedSubject,
    events_of,
    needs,
    reads_files,
    require,
    sample,
    told_by_data_error,
)

__all__ = [
    "broken_line_is_told",
    "foreign_file_is_refused",
    "gap_is_told",
    "truncated_file_is_told",
    "unreadable_file_is_refused",
]


@check("feed", applies=needs("gap"))
def gap_is_told(subject: FeedSubject) -> None:
    """Lost messages give a FeedGap, or a break in the book's update ids that the kernel sees; sound data gives neither."""
    with sample(subject, "gap") as path:
        lost = _losses(events_of(subject, path))
    require(lost > 0, subject, 'the sample "gap" was read without a word: yield a FeedGap, or pass on the update ids that break')
    with sample(subject) as path:
        lost = _losses(events_of(subject, path))
    require(lost == 0, subject, f"told {lost} gaps in sound data")


def _losses(events: Iterable[MarketEvent]) -> int:
    """Gaps that the feed told and breaks that the kernel's own book sees."""
    books: dict[str, BookSync] = {}
    told = 0
    for event in events:
        book = books.setdefault(event.symbol, BookSync())
        if isinstance(event, FeedGap):
            told += 1
        elif isinstance(event, BookSnapshot):
            book.on_snapshot(event)
        elif isinstance(event, BookDelta):
            book.on_delta(event)
    return told + sum(book.counts["gaps"] for book in books.values())


@check("feed", applies=needs("broken_line"))
def broken_line_is_told(subject: FeedSubject) -> None:
    """A line that cannot be used is a Rejected or a DataError, either with file and line, and never drops out of sight."""
    with sample(subject, "broken_line") as path:
        assert path is not None
        try:
            events = events_of(subject, path)
        except DataError as error:
            details = [str(error)]
        except Exception as error:
            raise CheckFailure(
                f"{subject.label}: a broken line raised {type(error).__name__}: {error}; yield a Rejected, or raise DataError"
            ) from error
        else:
            details = [event.detail for event in events if isinstance(event, Rejected)]
            require(bool(details), subject, "a broken line was dropped without a word; yield a Rejected, so that it is counted")
        for detail in details:
            named = path.name in detail and re.search(r"\d", detail.replace(str(path), "").replace(path.name, ""))
            require(bool(named), subject, f"a broken line is told as {detail!r}; name file and line")
    with sample(subject) as path:
        refused = [event.detail for event in events_of(subject, path) if isinstance(event, Rejected)]
    require(not refused, subject, f"refused {len(refused)} lines of sound data: {refused[0] if refused else ''}")


@check("feed", applies=needs("truncated"))
def truncated_file_is_told(subject: FeedSubject) -> None:
    """A file that breaks off ends in a DataError that names it, not in silence and not in another exception."""
    with sample(subject, "truncated") as path:
        assert path is not None
        told_by_data_error(subject, path, 'the sample "truncated"')


@check("feed", applies=reads_files)
def unreadable_file_is_refused(subject: FeedSubject) -> None:
    """A missing file, a directory and a file without permission are refused with a DataError that names them."""
    with TemporaryDirectory(prefix="flashcrash-feed-") as folder:
        told_by_data_error(subject, Path(folder) / "absent.dat", "a missing file")
        directory = Path(folder) / "directory.dat"
        directory.mkdir()
        told_by_data_error(subject, directory, "a directory")
        locked = Path(folder) / "locked.dat"
        locked.write_bytes(b"locked\n")
        locked.chmod(0)
        if not os.access(locked, os.R_OK):  # an administrator may read it all the same
            told_by_data_error(subject, locked, "a file that may not be read")


@check("feed", applies=reads_files)
def foreign_file_is_refused(subject: FeedSubject) -> None:
    """A file that is empty or of another format is refused with a DataError that names it, instead of giving nothing."""
    contents = {
        "an empty file": b"",
        "a file of blank lines": b"\n\n\n",
        "a file of prose": b"Once upon a time there was a market that fell.\n" * 20,
        "a binary file": bytes(range(256)) * 20,
    }
    with TemporaryDirectory(prefix="flashcrash-feed-") as folder:
        for number, (what, content) in enumerate(contents.items()):
            path = Path(folder) / f"foreign{number}.dat"
            path.write_bytes(content)
            told_by_data_error(subject, path, what)
