"""Planted fault: a second handle on the file is closed at the end only, not by close(). Caught by: leaves_nothing_open."""

import os
from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "leaves_nothing_open"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Keeps an eye on the file's size."""

    def events(self) -> Iterator[MarketEvent]:
        """All events."""
        watched = -1
        for event in super().events():
            # A bare descriptor: a file object would be closed by the garbage collector, and hide the fault now and then.
            watched = os.open(self.path, os.O_RDONLY) if watched < 0 else watched
            yield event
        if watched >= 0 and not self.closed:
            os.close(watched)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
