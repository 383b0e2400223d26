"""Planted fault: trade ids are cut to two digits, so trades seem to come again. Caught by: trades_come_once."""

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Trade, hookimpl

CAUGHT_BY = "trades_come_once"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Keeps the end of an id."""

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a trade with a short id."""
        event = super().event(cells)
        return replace(event, trade_id=event.trade_id % 100) if isinstance(event, Trade) else event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
