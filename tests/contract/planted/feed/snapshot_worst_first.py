"""Planted fault: a snapshot's levels come worst first. Caught by: events_are_legal."""

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import BookSnapshot, FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "events_are_legal"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Levels from the far end."""

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a snapshot with its levels reversed."""
        event = super().event(cells)
        return replace(event, bids=event.bids[::-1]) if isinstance(event, BookSnapshot) else event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
