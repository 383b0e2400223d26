"""Planted fault: a source that was closed before its first event opens its file all the same. Caught by: close_ends_the_events."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "close_ends_the_events"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Starts anew."""

    def events(self) -> Iterator[MarketEvent]:
        """All events, whatever happened before."""
        self.closed = False
        try:
            yield from super().events()
        finally:
            self.release()


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
