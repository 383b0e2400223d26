"""Planted fault: a missing file raises a bare FileNotFoundError. Caught by: unreadable_file_is_refused."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl, read_head

CAUGHT_BY = "unreadable_file_is_refused"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Leaves it to the system."""

    def head(self) -> bytes:
        """The first bytes."""
        self.path.stat()
        return read_head(self.path)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
