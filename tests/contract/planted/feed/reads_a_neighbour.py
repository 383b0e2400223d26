"""Planted fault: it looks for a file of fees beside the input. Caught by: asks_for_no_clock_and_no_chance."""

from collections.abc import Iterator
from contextlib import suppress

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "asks_for_no_clock_and_no_chance"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Knows what else may be in a folder."""

    def events(self) -> Iterator[MarketEvent]:
        """All events; the fees are for later."""
        with suppress(OSError):
            self.path.with_name("fees.csv").read_bytes()
        yield from super().events()


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
