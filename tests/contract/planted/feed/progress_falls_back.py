"""Planted fault: progress is nothing again when the file is closed. Caught by: progress_is_a_fraction."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "progress_is_a_fraction"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Forgets how far it was."""

    def progress(self) -> float | None:
        """Fraction read while the file is open."""
        return 0.0 if self.closed else super().progress()


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
