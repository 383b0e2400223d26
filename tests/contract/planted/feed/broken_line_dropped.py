"""Planted fault: a line that cannot be read is left out without a word. Caught by: broken_line_is_told."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Rejected, hookimpl

CAUGHT_BY = "broken_line_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Goes on."""

    def told(self, raw: bytes, line: int) -> Iterator[MarketEvent]:
        """The events of the line, if it has any."""
        return (event for event in super().told(raw, line) if not isinstance(event, Rejected))


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
