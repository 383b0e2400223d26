"""Planted fault: a file that was opened before gives other prices the next time. Caught by: reproducible."""

from collections import Counter
from typing import ClassVar

from contract.planted_base.feed import Config, TickSource, offer
from msgspec.structs import replace

from flashcrash_core.api import FeedRequest, FeedSpec, MarketEvent, PluginInfo, Trade, hookimpl

CAUGHT_BY = "reproducible"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Remembers the files it has opened."""

    opened: ClassVar[Counter[str]] = Counter()

    def __init__(self, config: Config, request: FeedRequest) -> None:
        super().__init__(config, request)
        self.opened[str(self.path)] += 1

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, a trade a tick higher for each time that the file was opened."""
        event = super().event(cells)
        moved = self.opened[str(self.path)]
        return replace(event, price_ticks=event.price_ticks + moved) if isinstance(event, Trade) else event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
