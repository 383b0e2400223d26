"""Planted fault: every event is kept for later. Caught by: memory_is_bounded."""

from contract.planted_base.feed import Config, TickSource, offer

from flashcrash_core.api import FeedRequest, FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "memory_is_bounded"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Has a history."""

    def __init__(self, config: Config, request: FeedRequest) -> None:
        super().__init__(config, request)
        self.history: list[MarketEvent | None] = []

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event, put to the history."""
        self.history.append(super().event(cells))
        return self.history[-1]


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
