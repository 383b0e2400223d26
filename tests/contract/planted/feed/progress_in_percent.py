"""Planted fault: progress goes from 0 to 100. Caught by: progress_is_a_fraction."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "progress_is_a_fraction"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Thinks in percent."""

    def progress(self) -> float | None:
        """Percent read."""
        return 100 * (super().progress() or 0.0)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
