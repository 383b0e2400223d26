"""Planted fault: a line that cannot be read ends the run with a bare IndexError. Caught by: broken_line_is_told."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, MarketEvent, PluginInfo, hookimpl

CAUGHT_BY = "broken_line_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Trusts its lines."""

    def refusal(self, line: int, error: Exception) -> MarketEvent:
        """No refusal: the error as it came."""
        raise error


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
