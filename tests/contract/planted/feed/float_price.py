"""Planted fault: trades bear their price as a float. Caught by: events_are_legal."""

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Trade, hookimpl

CAUGHT_BY = "events_are_legal"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Prices as floats."""

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a trade with a float for its price."""
        event = super().event(cells)
        return replace(event, price_ticks=float(event.price_ticks)) if isinstance(event, Trade) else event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
