"""Planted fault: it makes the instruments itself, so that the user's [instruments] tables do nothing. Caught by: info."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, Instrument, PluginInfo, hookimpl

CAUGHT_BY = "info"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Knows better."""

    def instrument(self, symbol: str) -> Instrument:
        """A fixed grid."""
        return Instrument(symbol, tick_size="0.01", lot_size="0.000001")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
