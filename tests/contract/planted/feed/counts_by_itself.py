"""Planted fault: events are numbered 1, 2, 3 by the source itself. Caught by: events_bear_given_numbers."""

from contract.planted_base.feed import Config, TickSource, offer

from flashcrash_core.api import FeedRequest, FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "events_bear_given_numbers"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Has a counter of its own."""

    def __init__(self, config: Config, request: FeedRequest) -> None:
        super().__init__(config, request)
        self.count = 0

    def number(self) -> int:
        """The next number of this source."""
        self.count += 1
        return self.count


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
