"""Planted fault: the levels of a delta come in the order of a set of strings. Caught by: reproducible_across_processes."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, Instrument, Level, PluginInfo, hookimpl

CAUGHT_BY = "reproducible_across_processes"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Drops levels told twice by way of a set."""

    def changes(self, grid: Instrument, text: str) -> list[Level]:
        """The levels in no order."""
        return super().changes(grid, ",".join(set(text.split(","))))


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
