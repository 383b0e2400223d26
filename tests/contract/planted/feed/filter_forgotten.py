"""Planted fault: info names the symbol asked for, but the events of the others come too. Caught by: symbols_are_filtered."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "symbols_are_filtered"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Filters its info only."""

    def wanted(self, symbol: str) -> bool:
        """Everything is."""
        return True


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
