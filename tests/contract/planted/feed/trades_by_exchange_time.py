"""Planted fault: trades bear the exchange's time as the time of receipt. Caught by: events_are_in_order."""

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Trade, hookimpl

CAUGHT_BY = "events_are_in_order"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Mixes up the two clocks."""

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a trade as if it had arrived when it happened."""
        event = super().event(cells)
        return replace(event, receive_us=event.exchange_us) if isinstance(event, Trade) else event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
