"""Planted fault: a symbol that is not in the file gives an empty source. Caught by: unknown_symbol_is_refused."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "unknown_symbol_is_refused"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Takes what there is of what was asked for."""

    def delivered(self, held: tuple[str, ...]) -> tuple[str, ...]:
        """Those of them that were asked for, if any."""
        wanted = self.request.symbols
        return tuple(symbol for symbol in held if not wanted or symbol in wanted)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
