"""Planted fault: info says that there is no book, and then one comes. Caught by: events_are_as_announced."""

from attrs import evolve
from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import DataTier, FeedSpec, PluginInfo, SourceInfo, hookimpl

CAUGHT_BY = "events_are_as_announced"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Forgets its book."""

    @property
    def info(self) -> SourceInfo:
        """What the header tells, without the book."""
        return evolve(super().info, has_book=False, data_tier=DataTier.TRADES)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
