"""Planted fault: a line that cannot be read is refused without saying which. Caught by: broken_line_is_told."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, Rejected, hookimpl

CAUGHT_BY = "broken_line_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Counts, and no more."""

    def refusal(self, line: int, error: Exception) -> MarketEvent:
        """A refusal without file and line."""
        return Rejected(self.symbols[0], self.number(), None, 0, "bad_line", "a line could not be read")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
