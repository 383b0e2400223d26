"""Live sources, which may have nothing to say for ever: each call to one is made in a thread and must come back in time.

A source of a file or a simulation is called as the kernel calls it.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeVar

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.feed import FeedSource
from flashcrash_core.specs import FeedSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.bounded import Unanswered, answered
from flashcrash_core.testing.subject import Subject

__all__ = ["LIVE_EVENTS", "SILENCE_S", "awaited", "close", "in_time"]

T = TypeVar("T")

LIVE_EVENTS: Final = 100
"""Events that are awaited of a live feed at most."""
SILENCE_S = 10.0
"""How long a live source may take to open, to give its next event, and to close. A local exchange that sends less says nothing."""


def in_time(subject: Subject[FeedSpec], what: str, call: Callable[[], T]) -> T:
    """What ``call`` gives. Raises CheckFailure when the feed is live and it does not come back."""
    if not subject.spec.live:
        return call()
    try:
        return answered(call, SILENCE_S, what)
    except Unanswered as error:
        raise CheckFailure(
            f"{subject.label}: {error}; a live feed must notice silence, and let the exchange at local_endpoint send"
        ) from None


def close(subject: Subject[FeedSpec], source: FeedSource) -> None:
    """Close a source. Raises CheckFailure when the feed is live and its close waits for ever."""
    in_time(subject, "close()", source.close)


def awaited(subject: Subject[FeedSpec], source: FeedSource, events: Iterator[MarketEvent], count: int) -> Iterator[MarketEvent]:
    """At most ``count`` of the events. Closes a live source that stays silent, and raises CheckFailure."""
    if not subject.spec.live:
        yield from islice(events, count)
        return
    for number in range(1, count + 1):
        try:
            # One event at a time: nothing is read ahead of the check that looks at it.
            event = in_time(subject, f"the next event, number {number},", lambda: next(events, None))
        except CheckFailure:
            close(subject, source)
            raise
        if event is None:
            return
        yield event
