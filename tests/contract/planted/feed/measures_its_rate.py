"""Planted fault: it asks the clock at every event, to know its own rate. Caught by: asks_for_no_clock_and_no_chance."""

import time

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "asks_for_no_clock_and_no_chance"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Times itself."""

    started = 0.0

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event; the time is noted."""
        self.started = self.started or time.monotonic()
        return super().event(cells)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
