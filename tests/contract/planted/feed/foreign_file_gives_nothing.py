"""Planted fault: a file of another format is read as one without events. Caught by: foreign_file_is_refused."""

from collections.abc import Iterator

from contract.planted_base.feed import HEADER, TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "foreign_file_is_refused"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Finds nothing, and says nothing."""

    def held_symbols(self) -> tuple[str, ...]:
        """What the header says, or a guess."""
        return super().held_symbols() if self.head().startswith(HEADER) else ("SIMUSDT",)

    def events(self) -> Iterator[MarketEvent]:
        """All events, none of a file without a header."""
        return super().events() if self.head().startswith(HEADER) else iter(())


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
