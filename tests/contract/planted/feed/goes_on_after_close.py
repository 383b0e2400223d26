"""Planted fault: it reads fifty events ahead and goes on yielding them after close(). Caught by: close_ends_the_events."""

from collections.abc import Iterator
from itertools import islice

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "close_ends_the_events"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Reads ahead."""

    def events(self) -> Iterator[MarketEvent]:
        """The events, fifty at a time."""
        events = super().events()
        while block := list(islice(events, 50)):
            yield from block


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
