"""Planted fault: it writes down beside the input how far it has read. Caught by: asks_for_no_clock_and_no_chance."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "asks_for_no_clock_and_no_chance"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Means to go on from there one day."""

    def events(self) -> Iterator[MarketEvent]:
        """All events, noted."""
        for number, event in enumerate(super().events()):
            if number % 100 == 0:
                self.path.with_suffix(".place").write_text(str(number), encoding="ascii")
            yield event


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
