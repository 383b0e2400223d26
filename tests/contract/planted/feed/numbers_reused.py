"""Planted fault: a delta bears the number of the event before it. Caught by: events_bear_given_numbers."""

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import BookDelta, FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "events_bear_given_numbers"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Numbers what it thinks is one message once."""

    last = 0

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a delta with the number before its own."""
        event = super().event(cells)
        if isinstance(event, BookDelta):
            event = replace(event, seq=self.last)
        self.last = event.seq if event is not None else self.last
        return event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
