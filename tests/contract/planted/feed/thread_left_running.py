"""Planted fault: a thread that it started for reading runs on when it is closed early. Caught by: leaves_nothing_open."""

from collections.abc import Iterator
from threading import Event, Thread

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "leaves_nothing_open"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Has a helper."""

    def events(self) -> Iterator[MarketEvent]:
        """All events; the helper is told of the end only."""
        done = Event()
        Thread(target=done.wait, name="reader", daemon=True).start()
        yield from super().events()
        if not self.closed:
            done.set()


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
