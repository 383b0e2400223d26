"""Planted fault: with a symbol asked for, its deltas are left out. Caught by: symbols_are_filtered."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "symbols_are_filtered"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Thinks of trades when it filters."""

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event; no delta when symbols were asked for."""
        return None if self.request.symbols and cells[0] == "D" else super().event(cells)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
