"""Planted fault: it tells a gap before the first trade of every file. Caught by: gap_is_told."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Trade, hookimpl

CAUGHT_BY = "gap_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Takes the start for a loss."""

    def told(self, raw: bytes, line: int) -> Iterator[MarketEvent]:
        """The events of the line, a gap before the first trade."""
        for event in super().told(raw, line):
            if isinstance(event, Trade) and self.next_ids[event.symbol] == 2:
                yield self.gap(event)
                event = replace(event, seq=self.number())
            yield event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
