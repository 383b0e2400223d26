"""Planted fault: the description counts the events read, so it is another one at the end. Caught by: info."""

from attrs import evolve
from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, SourceInfo, hookimpl

CAUGHT_BY = "info"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Says how far it is."""

    @property
    def info(self) -> SourceInfo:
        """What the header tells, and the lines read."""
        line = self.reader.line if self.reader is not None else 0
        return evolve(super().info, description=f"ticks, {line} lines read")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
